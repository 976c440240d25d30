package main

import (
	"strings"
	"testing"
)

const wanted = `
order 1 is placed
order 2 is placed
order 3 is placed
order 4 is placed
order 2 is refused, and there is no event of it
billing: 4 deliveries, 4 succeeded, 0 failed, success rate 100%, 1.0 attempts on average
  {"cents":2050,"order":1} success: 200 (thank you)
  {"cents":25000,"order":2} success: 200 (thank you)
  {"cents":9990,"order":3} success: 200 (thank you)
  {"cents":10000,"order":4} success: 200 (thank you)
warehouse: 2 deliveries, 2 succeeded, 0 failed, success rate 100%, 2.0 attempts on average
  {"cents":25000,"order":2} success: 503 (not now) 200 (thank you)
  {"cents":10000,"order":4} success: 503 (not now) 200 (thank you)
mailer: 4 deliveries, 0 succeeded, 4 failed, success rate 0%, 1.0 attempts on average
  {"cents":2050,"order":1} failed: 401 (webhook: no signature matches)
  {"cents":25000,"order":2} failed: 401 (webhook: no signature matches)
  {"cents":9990,"order":3} failed: 401 (webhook: no signature matches)
  {"cents":10000,"order":4} failed: 401 (webhook: no signature matches)
  no longer active: disable_after_failures: as many deliveries in a row have failed
`

func TestProgramRuns(t *testing.T) {
	var out strings.Builder
	if err := run(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	if out.String() != wanted[1:] {
		t.Errorf("got\n%s\nwant%s", out.String(), wanted)
	}
}
