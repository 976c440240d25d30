package secrettest

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"sync"
	"testing"
	"unicode"

	"github.com/neomultitenant/neoevents/driver"
)

// watch keeps what an app gets to see: errors and entities as they are printed, and the log.
type watch struct {
	t      *testing.T
	mu     sync.Mutex
	log    bytes.Buffer
	prints strings.Builder
	errors int
}

// Write takes a record of the log.
func (w *watch) Write(record []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.log.Write(record)
}

func (w *watch) logged() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.log.String()
}

func (w *watch) logger() driver.Option {
	return driver.WithLogger(slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelDebug})))
}

// fails keeps an error, which must be one of the kind, and all that it wraps.
func (w *watch) fails(err, kind error) {
	w.t.Helper()
	if err == nil || !matches(err, kind) {
		w.t.Errorf("got the error %v, want one that matches %q", err, kind)
		return
	}
	w.errors++
	w.keep(err)
}

func matches(err, kind error) bool {
	for _, one := range chain(err) {
		if one == kind {
			return true
		}
	}
	return false
}

func (w *watch) keep(err error) {
	for _, one := range chain(err) {
		w.print(one)
		w.prints.WriteString(contents(reflect.ValueOf(one), map[uintptr]bool{}))
	}
}

// chain is an error and all that it wraps.
func chain(err error) []error {
	if err == nil {
		return nil
	}
	all := []error{err}
	switch e := err.(type) {
	case interface{ Unwrap() error }:
		all = append(all, chain(e.Unwrap())...)
	case interface{ Unwrap() []error }:
		for _, inner := range e.Unwrap() {
			all = append(all, chain(inner)...)
		}
	}
	return all
}

// print prints a value in every way that there is.
func (w *watch) print(values ...any) {
	for _, value := range values {
		fmt.Fprintf(&w.prints, "%v\n%+v\n%#v\n%s\n%q\n%x\n%d\n", value, value, value, value, value, value, value)
		encoded, _ := json.Marshal(value)
		w.prints.Write(encoded)
		slog.New(slog.NewTextHandler(&w.prints, nil)).Info("print", "value", value)
		slog.New(slog.NewJSONHandler(&w.prints, nil)).Info("print", "value", value)
	}
}

// contents is every text that a value holds, however deep.
func contents(v reflect.Value, seen map[uintptr]bool) string {
	var b strings.Builder
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() || v.Kind() == reflect.Pointer && seen[v.Pointer()] {
			return ""
		}
		if v.Kind() == reflect.Pointer {
			seen[v.Pointer()] = true
		}
		b.WriteString(contents(v.Elem(), seen))
	case reflect.String:
		b.WriteString(v.String() + "\n")
	case reflect.Struct:
		for i := range v.NumField() {
			b.WriteString(contents(v.Field(i), seen))
		}
	case reflect.Slice, reflect.Array:
		if v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Uint8 {
			b.Write(v.Bytes())
		}
		for i := range v.Len() {
			b.WriteString(contents(v.Index(i), seen))
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			b.WriteString(contents(key, seen) + contents(v.MapIndex(key), seen))
		}
	}
	return b.String()
}

// found reports whether a text has a canary in it: as it is, in hexadecimal, or in base64, wherever
// in it the canary begins.
func found(in, canary string) bool {
	forms := []string{canary, hex.EncodeToString([]byte(canary))}
	for shift := range 3 {
		// What depends on the bytes around it is left out.
		encoded := base64.RawStdEncoding.EncodeToString([]byte(strings.Repeat("x", shift) + canary))
		forms = append(forms, encoded[(shift*8+5)/6:len(encoded)-1])
	}
	lower := strings.ToLower(in)
	for i, form := range forms {
		if strings.Contains(in, form) || i < 2 && strings.Contains(lower, form) {
			return true
		}
	}
	return false
}

// around is the part of a text where the canary is, for a person to read.
func around(in, canary string) string {
	at := max(strings.Index(in, canary), 0)
	part := in[max(at-80, 0):min(at+len(canary)+20, len(in))]
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '.'
	}, part)
}
