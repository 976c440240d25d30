package driver_test

import (
	"math"
	"strings"
	"testing"

	"github.com/neomultitenant/neoevents/driver"
)

func TestTheNamesOfObjects(t *testing.T) {
	for _, name := range []string{"a", "acme/2024/orders.jsonl.zst", ".unfinished/1", " ä\u2028", "\x01", strings.Repeat("x", driver.MaxObjectName)} {
		if err := driver.CheckObjectName(name); err != nil {
			t.Errorf("%.20q: got error %v, want none", name, err)
		}
	}
	for _, name := range []string{"", " ", "\t\n", "a\x00", "\xff", strings.Repeat("x", driver.MaxObjectName+1)} {
		wantInvalid(t, brief(name), driver.CheckObjectName(name), "name")
	}
}

func TestTheChunksOfObjects(t *testing.T) {
	for _, number := range []int{0, 1, driver.MaxObjectChunks - 1} {
		for _, size := range []int{1, driver.MaxObjectChunk} {
			if err := driver.CheckObjectChunk(number, make([]byte, size)); err != nil {
				t.Errorf("number %d of %d bytes: got error %v, want none", number, size, err)
			}
		}
	}
	for _, data := range [][]byte{nil, {}, make([]byte, driver.MaxObjectChunk+1)} {
		wantInvalid(t, "data", driver.CheckObjectChunk(0, data), "data")
	}
	for _, number := range []int{-1, math.MinInt, driver.MaxObjectChunks, math.MaxInt} {
		wantInvalid(t, "a number", driver.CheckObjectChunk(number, []byte{1}), "chunks")
		wantInvalid(t, "a number", driver.CheckChunkNumber("number", number), "number")
	}
}

func TestTheRangesOfObjects(t *testing.T) {
	longest := strings.Repeat("x", driver.MaxObjectName)
	for _, r := range [][2]string{{"", ""}, {"a/", ""}, {"", "b"}, {" ", "\t"}, {longest, longest}} {
		if err := driver.CheckObjectRange(r[0], r[1]); err != nil {
			t.Errorf("%.20q after %.20q: got error %v, want none", r[0], r[1], err)
		}
	}
	for _, bad := range []string{"a\x00", "\xff", "a\xc3", longest + "x"} {
		wantInvalid(t, brief(bad), driver.CheckObjectRange(bad, ""), "prefix")
		wantInvalid(t, brief(bad), driver.CheckObjectRange("a", bad), "after")
	}
}
