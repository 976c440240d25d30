package jsontext_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/neomultitenant/neoevents/internal/jsontext"
	"github.com/neomultitenant/neoevents/internal/webhooks"
)

// agrees fails unless Check and encoding/json say the same of data.
func agrees(t interface{ Fatalf(string, ...any) }, data []byte) {
	_, err := jsontext.Check(data)
	want := json.Valid(data) && utf8.Valid(data)
	if errors.Is(err, jsontext.ErrDepth) {
		return
	}
	if got := err == nil; got != want {
		t.Fatalf("Check(%q): valid = %v (%v), want %v as encoding/json says", data, got, err, want)
	}
}

var texts = []string{
	``, ` `, `{}`, ` { } `, `[]`, `[1,2]`, `{"a":1}`, `{"a" : [ {} , [ ] ] }`, `null`, `true`, `false`, `"x"`,
	`0`, `-0`, `01`, `-`, `1.`, `.5`, `1e`, `1e+`, `1E-07`, `-0.0e0`, `1.5.5`, `+1`, `{`, `}`, `[`, `]`, `{]`, `[}`,
	`{"a"}`, `{"a":}`, `{"a":1,}`, `[1,]`, `[,1]`, `{,}`, `{"a":1 "b":2}`, `{"a":1}{`, `nul`, `truex`, `"a`, `"\`, `"\"`,
	`"\u00e9"`, `"\u00zz"`, `"\u12"`, `"\ud800"`, `"\x"`, "\"\x01\"", "\"tab\there\"", "\"\x7f\"", "\"\xff\"", "{\"é\":\"世界\"}",
	`{"a":1,"a":2}`, `"12345678\"9012345678"`, `"1234567`, `["12345678","abc\n"]`, "[1\x00]", "\ufeff{}", `{1:2}`,
}

func TestCheckAgreesWithEncodingJSON(t *testing.T) {
	for _, text := range texts {
		agrees(t, []byte(text))
		agrees(t, []byte(`{"padding":[`+text+`]}`))
	}
}

func TestCheckAgreesWithEncodingJSONOnMutatedTexts(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		data := []byte(rapid.SampledFrom(texts).Draw(rt, "left") + rapid.SampledFrom(texts).Draw(rt, "right"))
		if len(data) > 0 {
			at := rapid.IntRange(0, len(data)-1).Draw(rt, "at")
			data[at] = rapid.Byte().Draw(rt, "byte")
		}
		agrees(rt, data)
	})
}

func TestCheckTellsTheKind(t *testing.T) {
	for text, want := range map[string]jsontext.Kind{
		` {"a":1}`: jsontext.Object, `[1]`: jsontext.Array, `"s"`: jsontext.String, `-1`: jsontext.Number, `null`: jsontext.Literal,
	} {
		if got, err := jsontext.Check([]byte(text)); got != want || err != nil {
			t.Errorf("Check(%s) = %v, %v; want %v", text, got, err, want)
		}
	}
}

func TestCheckBoundsTheDepth(t *testing.T) {
	nested := func(n int) []byte { return []byte(strings.Repeat("[", n) + strings.Repeat("]", n)) }
	if _, err := jsontext.Check(nested(jsontext.MaxDepth)); err != nil {
		t.Errorf("depth %d: %v, want no error", jsontext.MaxDepth, err)
	}
	if _, err := jsontext.Check(nested(jsontext.MaxDepth + 1)); !errors.Is(err, jsontext.ErrDepth) {
		t.Errorf("depth %d: %v, want ErrDepth", jsontext.MaxDepth+1, err)
	}
}

func FuzzCheck(f *testing.F) {
	for _, text := range texts {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) { agrees(t, data) })
}

// BenchmarkCheck compares Check with encoding/json on real webhook payloads.
func BenchmarkCheck(b *testing.B) {
	samples := webhooks.Read(b)
	for name, valid := range map[string]func([]byte) bool{
		"jsontext":      func(data []byte) bool { _, err := jsontext.Check(data); return err == nil },
		"encoding_json": json.Valid,
	} {
		b.Run(name, func(b *testing.B) {
			size := 0
			for i := 0; b.Loop(); i++ {
				payload := samples[i%len(samples)].Payload
				size += len(payload)
				if !valid(payload) {
					b.Fatalf("valid payload refused: %.80s", payload)
				}
			}
			b.SetBytes(int64(size / b.N))
		})
	}
}
