package archive

import (
	"bytes"
	"context"
	"fmt"
	"testing"
)

// BenchmarkWrite writes the real payloads at each level: MB/s of lines, and how many times smaller
// they become.
func BenchmarkWrite(b *testing.B) {
	events := realEvents(b)
	for level := 1; level <= 4; level++ {
		for _, encrypt := range []bool{false, true} {
			b.Run(fmt.Sprintf("level=%d/encrypt=%t", level, encrypt), func(b *testing.B) {
				a := newArchived(b, discarding{}, "a", encrypt)
				a.options.level = level
				var m Manifest
				b.ReportAllocs()
				for b.Loop() {
					m = a.write(b, events)
				}
				b.SetBytes(m.RawBytes)
				b.ReportMetric(float64(m.RawBytes)/float64(m.SizeBytes), "ratio")
			})
		}
	}
}

func BenchmarkVerify(b *testing.B) {
	events := realEvents(b)
	for _, encrypt := range []bool{false, true} {
		b.Run(fmt.Sprintf("encrypt=%t", encrypt), func(b *testing.B) {
			a := newArchived(b, newMemory(), "a", encrypt)
			m := a.write(b, events)
			b.SetBytes(m.RawBytes)
			b.ReportAllocs()
			for b.Loop() {
				if err := verifyFile(context.Background(), a.storage, m, a.options.keys); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkLines is the coding of lines without compression.
func BenchmarkLines(b *testing.B) {
	events := realEvents(b)
	var lines [][]byte
	size := 0
	for _, event := range events {
		line := appendEvent(nil, &event)
		size += len(line)
		lines = append(lines, bytes.TrimSuffix(line, []byte("\n")))
	}
	b.Run("encode", func(b *testing.B) {
		b.SetBytes(int64(size))
		var line []byte
		for b.Loop() {
			for i := range events {
				if err := checkEvent(&events[i]); err != nil {
					b.Fatal(err)
				}
				line = appendEvent(line[:0], &events[i])
			}
		}
	})
	b.Run("decode", func(b *testing.B) {
		b.SetBytes(int64(size))
		b.ReportAllocs()
		for b.Loop() {
			for _, line := range lines {
				if _, err := parseEvent(line); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
}
