package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
	"github.com/neomultitenant/neoevents/webhook"
)

const (
	// batch is how many events, and how many deliveries, a worker takes at a time.
	batch = 50
	// lease is how long a delivery is this worker's: more than the longest timeout that an endpoint
	// can have. If the worker dies, another one gets the delivery after that.
	lease = 6 * time.Minute
)

// sender makes deliveries of events and sends them.
type sender struct {
	store              driver.Store
	checked, unchecked *http.Transport // whether the server's certificate is
}

// newSender returns a sender. An app whose users enter the URLs also makes its transports refuse
// private addresses, in the Control of a net.Dialer.
func newSender(store driver.Store) *sender {
	checked := http.DefaultTransport.(*http.Transport).Clone()
	unchecked := checked.Clone()
	unchecked.TLSClientConfig = &tls.Config{InsecureSkipVerify: true}
	return &sender{store, checked, unchecked}
}

// round handles the events that wait, and then makes the attempts that are due.
func (s *sender) round(ctx context.Context) error {
	for {
		handled, err := s.store.Events().ProcessUnprocessed(ctx, driver.ProcessOptions{Limit: batch},
			func(tx driver.Store, events []driver.Event) ([]uuid.UUID, error) { return fanOut(ctx, tx, events) })
		if err != nil {
			return err
		}
		if handled == 0 {
			return s.sendDue(ctx)
		}
	}
}

// fanOut makes a delivery of each event to each endpoint that wants it. That the events are handled
// commits together with the deliveries, so that none is lost and none is made twice.
func fanOut(ctx context.Context, tx driver.Store, events []driver.Event) ([]uuid.UUID, error) {
	var done []uuid.UUID
	for _, event := range events {
		subscriptions, err := tx.Subscriptions().GetMatching(ctx, event.EventType, event.ContextID, driver.MatchOptions{})
		if err != nil {
			return nil, err
		}
		if _, err := tx.Deliveries().SaveForEvent(ctx, event, subscriptions); err != nil { // looks at the filters
			return nil, err
		}
		done = append(done, event.ID)
	}
	return done, nil
}

// sendDue makes the attempts that are due, those of one batch at the same time. No transaction is
// open while it waits for an answer.
func (s *sender) sendDue(ctx context.Context) error {
	claimed, err := s.store.Deliveries().ClaimDue(ctx, batch, lease)
	if err != nil {
		return err
	}
	errs := make([]error, len(claimed))
	var group sync.WaitGroup
	for i, delivery := range claimed {
		group.Go(func() { errs[i] = s.deliver(ctx, delivery) })
	}
	group.Wait()
	return errors.Join(errs...)
}

// deliver makes one attempt and records it.
func (s *sender) deliver(ctx context.Context, delivery driver.Delivery) error {
	endpoint, err := s.store.Endpoints().GetByID(ctx, delivery.EndpointID)
	switch {
	case errors.Is(err, driver.ErrNotFound):
		return nil // it was deleted meanwhile, which has cancelled the delivery
	case err != nil:
		return err
	}
	event, err := s.store.Events().GetByID(ctx, delivery.EventID)
	if err != nil {
		return err
	}
	attempt, err := s.send(ctx, &endpoint, &event)
	if err != nil {
		return err
	}
	attempt.Number, attempt.LeaseToken = delivery.AttemptCount+1, delivery.LeaseToken
	_, err = s.store.Deliveries().RecordAttempt(ctx, delivery.ID, attempt)
	switch {
	case errors.Is(err, driver.ErrLeaseLost), errors.Is(err, driver.ErrState):
		return nil // it took too long and is another worker's now, or it was cancelled meanwhile
	case err != nil:
		return err
	}
	_, err = s.store.Endpoints().UpdateLastUsed(ctx, endpoint.ID)
	return err
}

// send makes one attempt. An error says that it could not be made; a partner that can't be reached
// or says no is an outcome like any other.
func (s *sender) send(ctx context.Context, endpoint *driver.Endpoint, event *driver.Event) (driver.Attempt, error) {
	timed, cancel := context.WithTimeout(ctx, time.Duration(endpoint.TimeoutSeconds)*time.Second)
	defer cancel()
	request, body, err := newRequest(timed, endpoint, event)
	if err != nil {
		return driver.Attempt{}, err
	}
	attempt := driver.Attempt{
		RequestURL: endpoint.EndpointURL, RequestMethod: request.Method, RequestHeaders: request.Header.Clone(),
		RequestBody: string(body), RequestSignature: request.Header.Get(webhook.HeaderSignature), AttemptedAt: time.Now(),
	}
	err = s.exchange(endpoint, request, &attempt)
	if ctx.Err() != nil {
		return driver.Attempt{}, ctx.Err() // the worker ends, which says nothing about the partner
	}
	took := time.Since(attempt.AttemptedAt).Milliseconds()
	attempt.ResponseTimeMS = &took

	var network net.Error
	switch {
	case errors.As(err, &network) && network.Timeout():
		attempt.Status, attempt.ErrorMessage = driver.AttemptTimeout, err.Error()
	case err != nil:
		attempt.Status, attempt.ErrorMessage = driver.AttemptFailed, err.Error()
	case *attempt.ResponseStatusCode >= 200 && *attempt.ResponseStatusCode <= 299:
		attempt.Status = driver.AttemptSuccess
	default:
		attempt.Status = driver.AttemptFailed
	}
	return attempt, nil
}

// newRequest returns a signed request, and its body.
func newRequest(ctx context.Context, endpoint *driver.Endpoint, event *driver.Event) (*http.Request, []byte, error) {
	body, err := json.Marshal(map[string]any{"type": event.EventType, "timestamp": event.OccurredAt, "data": event.EventData})
	if err != nil {
		return nil, nil, err
	}
	request, err := http.NewRequestWithContext(ctx, endpoint.HTTPMethod, endpoint.EndpointURL, bytes.NewReader(body))
	if err != nil {
		return nil, nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	for name, value := range endpoint.CustomHeaders {
		request.Header.Set(name, value.Reveal())
	}

	now := time.Now()
	var secrets []string
	for _, secret := range endpoint.SigningSecrets(now) {
		secrets = append(secrets, secret.Reveal())
	}
	// The event's id is the same for every attempt, and for a replay: who has it, has seen it.
	signature, err := webhook.Sign(event.ID.String(), now, body, secrets...)
	if err != nil {
		return nil, nil, err
	}
	maps.Copy(request.Header, signature)
	request.Header.Set(endpoint.SignatureHeader, signature.Get(webhook.HeaderSignature))
	return request, body, nil
}

// exchange sends a request and notes the response.
func (s *sender) exchange(endpoint *driver.Endpoint, request *http.Request, attempt *driver.Attempt) error {
	client := &http.Client{Transport: s.checked, CheckRedirect: func(next *http.Request, via []*http.Request) error {
		first := via[0]
		// Another server has no business with the headers, and a GET carries no event.
		if !endpoint.FollowRedirects || next.URL.Scheme != first.URL.Scheme || next.URL.Host != first.URL.Host ||
			next.Method != first.Method || len(via) > 3 {
			return http.ErrUseLastResponse
		}
		return nil
	}}
	if !endpoint.VerifySSL {
		client.Transport = s.unchecked
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	attempt.ResponseStatusCode, attempt.ResponseHeaders = &response.StatusCode, response.Header
	text, err := io.ReadAll(io.LimitReader(response.Body, driver.MaxResponseBody+1)) // one more shows that there is more
	attempt.ResponseBody = string(text)
	return err
}
