package archiveblob

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
)

func TestNoErrorShowsTheQueryOfAURL(t *testing.T) {
	const canary = "sv=2026&sig=c4nary"
	cause := &url.Error{Op: "Put", URL: "https://acme.blob.core.windows.net/archives/a?" + canary, Err: errors.New("no route to host")}
	err := fail("Create", "a", fmt.Errorf("upload: %w", cause))
	if text := fmt.Sprintf("%v %+v %#v", err, err, err.Error()); strings.Contains(text, "c4nary") {
		t.Errorf("got %s, want it without the query", text)
	}
	if !strings.Contains(err.Error(), "no route to host") || !errors.Is(err, cause) {
		t.Errorf("got %v, want what is below it", err)
	}
	without := &url.Error{Op: "Put", URL: "https://acme.s3.amazonaws.com/a", Err: errors.New("no route to host")}
	if got := plain(without); got != error(without) {
		t.Errorf("got %v, want an error without a query as it is", got)
	}
}
