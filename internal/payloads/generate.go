package payloads

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"

	"github.com/neomultitenant/neoevents/driver"
	"github.com/neomultitenant/neoevents/internal/figures"
)

// realSizes are the sizes in bytes of the GitHub webhook payload examples,
// @octokit/webhooks-examples 7.6.1: the quantiles 0 %, 5 %, … 100 % of the 329 payloads.
var realSizes = [...]int{
	915, 2480, 2943, 5900, 6119, 6385, 6683, 7025, 7328, 7518,
	7741, 8018, 8414, 9211, 10068, 11622, 12645, 16856, 23570, 24621, 26935,
}

const (
	generatedTemplates = 1000
	generatedBytes     = 32 << 20 // of all templates together: then there are fewer
)

// generate returns templates whose payloads follow from the seed, no more than there are events to
// make.
func generate(events, payloadSize int, seed uint64) []driver.Event {
	rng := rand.New(rand.NewPCG(seed, 0))
	var templates []driver.Event
	for total := 0; len(templates) < min(generatedTemplates, events) && total < generatedBytes; {
		size := payloadSize
		if size == 0 {
			size = realSize(rng.Float64())
		}
		action := pick(rng, actions)
		templates = append(templates, Template("order."+action, "Order "+action, payload(rng, action, size)))
		total += size
	}
	return templates
}

// realSize returns the quantile q, at least 0 and below 1, of the real sizes, between two of the
// table in proportion.
func realSize(q float64) int {
	place := q * float64(len(realSizes)-1)
	i := int(place)
	return realSizes[i] + int((place-float64(i))*float64(realSizes[i+1]-realSizes[i]))
}

func sizesAbout(payload int) string {
	if payload != 0 {
		return fmt.Sprintf("%s bytes each", figures.Grouped(payload))
	}
	return fmt.Sprintf("sizes as of the GitHub webhook payload examples, @octokit/webhooks-examples 7.6.1 (median %s bytes)",
		figures.Grouped(realSizes[len(realSizes)/2]))
}

var (
	actions  = []string{"placed", "paid", "packed", "shipped", "delivered", "returned"}
	products = []string{"teapot", "kettle", "lantern", "notebook", "backpack", "compass", "hammock", "binoculars"}
	words    = []string{"please", "ring", "the", "bell", "twice", "and", "leave", "it", "with", "neighbour", "when", "nobody", "answers"}
)

const (
	noteOnly   = `{"note":"`
	endOfItems = `],"note":"`
	endOfOrder = `"}`

	// MinSize is the size of the smallest payload: an order without anything but its note.
	MinSize = len(noteOnly) + len(endOfOrder)
)

// payload returns an order as a JSON object of exactly size bytes, MinSize at least: as many
// items as there is room for, and a note that fills the rest.
func payload(rng *rand.Rand, action string, size int) json.RawMessage {
	order := fmt.Appendf(make([]byte, 0, size),
		`{"action":"%s","order":{"id":%d,"number":"A-%06d","url":"https://api.example.com/orders/%d","total":"%d.%02d","currency":"EUR"},"items":[`,
		action, rng.IntN(1e9), rng.IntN(1e6), rng.IntN(1e9), rng.IntN(1e4), rng.IntN(100))
	if len(order)+len(endOfItems)+len(endOfOrder) > size {
		return fill(rng, append(order[:0], noteOnly...), size)
	}
	for separator := ""; ; separator = "," {
		item := item(rng, separator)
		if len(order)+len(item)+len(endOfItems)+len(endOfOrder) > size {
			return fill(rng, append(order, endOfItems...), size)
		}
		order = append(order, item...)
	}
}

func item(rng *rand.Rand, separator string) string {
	product, id := pick(rng, products), rng.IntN(1e8)
	return fmt.Sprintf(`%s{"id":%d,"sku":"%016x","name":"%s","quantity":%d,"price":"%d.%02d","available":%t,"discount":null,`+
		`"url":"https://api.example.com/products/%s/%d","stock_url":"https://api.example.com/products/%s/%d/stock{/warehouse}",`+
		`"image_url":"https://images.example.com/products/%s/%d.jpg?v=4","updated_at":"2025-%02d-%02dT%02d:%02d:%02dZ"}`,
		separator, id, rng.Uint64(), product, 1+rng.IntN(9), rng.IntN(1000), rng.IntN(100), rng.IntN(4) > 0,
		product, id, product, id, product, id, 1+rng.IntN(12), 1+rng.IntN(28), rng.IntN(24), rng.IntN(60), rng.IntN(60))
}

// fill writes the note, as long as makes size bytes, and the end of the order.
func fill(rng *rand.Rand, order []byte, size int) json.RawMessage {
	end := size - len(endOfOrder)
	for len(order) < end {
		order = append(append(order, pick(rng, words)...), ' ')
	}
	return append(order[:end], endOfOrder...)
}

func pick(rng *rand.Rand, from []string) string { return from[rng.IntN(len(from))] }
