package payloads

import (
	"bytes"
	"slices"
	"testing"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

func TestGeneratedPayloads(t *testing.T) {
	for _, size := range []int{MinSize, 12, 200, 201, 700, 8000} {
		for _, template := range generate(20, size, 3) {
			template.AggregateID = uuid.Max
			if err := template.Validate(); err != nil || len(template.EventData) != size {
				t.Fatalf("%d bytes, want %d, error %v: %s", len(template.EventData), size, err, template.EventData)
			}
		}
	}
	same := func(a, b driver.Event) bool { return bytes.Equal(a.EventData, b.EventData) }
	first := generate(20, 0, 1)
	if !slices.EqualFunc(first, generate(20, 0, 1), same) {
		t.Error("one seed gave two inputs")
	}
	if slices.EqualFunc(first, generate(20, 0, 2), same) {
		t.Error("two seeds gave one input")
	}
}
