package main

import (
	"bytes"
	"slices"
	"testing"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

func TestGeneratedPayloads(t *testing.T) {
	for _, size := range []int{minPayload, 12, 200, 201, 700, 8000} {
		for _, template := range generate(config{events: 20, payload: size, seed: 3}) {
			template.AggregateID = uuid.Max
			if err := template.Validate(); err != nil || len(template.EventData) != size {
				t.Fatalf("%d bytes, want %d, error %v: %s", len(template.EventData), size, err, template.EventData)
			}
		}
	}
	same := func(a, b driver.Event) bool { return bytes.Equal(a.EventData, b.EventData) }
	first := generate(config{events: 20, seed: 1})
	if !slices.EqualFunc(first, generate(config{events: 20, seed: 1}), same) {
		t.Error("one seed gave two inputs")
	}
	if slices.EqualFunc(first, generate(config{events: 20, seed: 2}), same) {
		t.Error("two seeds gave one input")
	}
}
