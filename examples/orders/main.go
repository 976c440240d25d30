// Command orders is a small order service that tells its partners about new orders by webhooks: a
// recipe to copy from. orders.go saves orders, sender.go sends the webhooks, receiver.go is what the
// partners run. All of it happens in this process, in a temporary file.
package main

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/neomultitenant/neoevents/driver"
	"github.com/neomultitenant/neoevents/driver/sqlite"
	"github.com/neomultitenant/neoevents/webhook"
)

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, out io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	dir, err := os.MkdirTemp("", "orders")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)

	// The app has its own pool, and the store works on the same one.
	app, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "shop.db")+
		"?_txlock=immediate&_pragma=journal_mode(WAL)&_pragma=foreign_keys(ON)&_pragma=busy_timeout(5000)")
	if err != nil {
		return err
	}
	defer app.Close()
	key := make([]byte, 32) // encrypts the partners' secrets; an app has it from where it has its others
	_, _ = rand.Read(key)
	keys, err := driver.NewKeyRing(driver.NewKey("key-1", key))
	if err != nil {
		return err
	}
	db, err := sqlite.New(app, driver.WithKeyRing(keys))
	if err != nil {
		return err
	}
	store, err := db.Store(ctx, "tenant_acme")
	if err != nil {
		return err
	}

	endpoints, err := startPartners(ctx, store)
	if err != nil {
		return err
	}

	shop := &shop{app, store}
	if err := shop.createTable(ctx); err != nil {
		return err
	}
	for _, order := range []order{{1, 2050}, {2, 25000}, {3, 9990}, {4, 10000}, {2, 25000}} {
		if err := shop.place(ctx, order); err != nil {
			fmt.Fprintf(out, "order %d is refused, and there is no event of it\n", order.number)
			continue
		}
		fmt.Fprintf(out, "order %d is placed\n", order.number)
	}

	// Workers do this for ever, any number of them. This one stops when nothing is left to be sent.
	sender := newSender(store)
	for left := int64(1); left > 0; {
		if err := sender.round(ctx); err != nil {
			return err
		}
		left = 0
		for _, endpoint := range endpoints {
			stats, err := store.Deliveries().GetStats(ctx, endpoint.ID, 0)
			if err != nil {
				return err
			}
			left += stats.Pending
		}
		time.Sleep(20 * time.Millisecond)
	}
	for _, endpoint := range endpoints {
		if err := report(ctx, out, store, endpoint); err != nil {
			return err
		}
	}
	return nil
}

// startPartners starts three partners and registers them: one gets every order; one the big ones,
// with headers, a method and a policy of its own; and one every order, but it has lost its secret.
func startPartners(ctx context.Context, store driver.Store) (endpoints []driver.Endpoint, err error) {
	billing := &partner{path: "/billing", method: "POST", signatureHeader: webhook.HeaderSignature}
	warehouse := &partner{path: "/warehouse", method: "PUT", signatureHeader: "X-Shop-Signature", authorization: "Bearer 7", failsFirst: true}
	mailer := &partner{path: "/mailer", method: "POST", signatureHeader: driver.DefaultSignatureHeader}
	url, err := listen(ctx, billing, warehouse, mailer)
	if err != nil {
		return nil, err
	}

	all := driver.NewEndpoint("billing", url+billing.path)
	big := driver.NewEndpoint("warehouse", url+warehouse.path)
	big.HTTPMethod, big.SignatureHeader = warehouse.method, warehouse.signatureHeader
	big.CustomHeaders = map[string]driver.Secret{"Authorization": driver.NewSecret(warehouse.authorization)}
	big.TimeoutSeconds, big.MaxRetryAttempts, big.RetryBackoffSeconds = 5, 2, 1
	once := driver.NewEndpoint("mailer", url+mailer.path)
	once.MaxRetryAttempts, once.DisableAfterFailures = 0, 4

	for _, registered := range []struct {
		partner  *partner
		endpoint driver.Endpoint
		filters  string
	}{{billing, all, `{}`}, {warehouse, big, `{"cents": {"$gte": 10000}}`}, {mailer, once, `{}`}} {
		saved, err := store.Endpoints().Save(ctx, registered.endpoint) // makes a secret
		if err != nil {
			return nil, err
		}
		subscription := driver.NewSubscription(saved.ID, "order.*")
		subscription.EventFilters = json.RawMessage(registered.filters)
		if _, err := store.Subscriptions().Save(ctx, subscription); err != nil {
			return nil, err
		}
		registered.partner.secret = saved.SecretToken.Reveal()
		endpoints = append(endpoints, saved)
	}
	mailer.secret = webhook.NewSecret()
	// The warehouse's secret is changed. It still has the old one, with which, too, requests are
	// signed for a day.
	_, err = store.Endpoints().RotateSecret(ctx, endpoints[1].ID, driver.RotateOptions{})
	return endpoints, err
}

// report prints what became of the deliveries to an endpoint.
func report(ctx context.Context, out io.Writer, store driver.Store, endpoint driver.Endpoint) error {
	stats, err := store.Deliveries().GetStats(ctx, endpoint.ID, 7)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%s: %d deliveries, %d succeeded, %d failed, success rate %.0f%%, %.1f attempts on average\n",
		endpoint.Name, stats.Total, stats.Success, stats.Failed, 100*stats.SuccessRate, stats.AverageAttempts)

	deliveries, err := store.Deliveries().GetByEndpoint(ctx, endpoint.ID, 0)
	if err != nil {
		return err
	}
	for _, delivery := range slices.Backward(deliveries) { // the newest come first
		event, err := store.Events().GetByID(ctx, delivery.EventID)
		if err != nil {
			return err
		}
		delivery, err = store.Deliveries().GetByID(ctx, delivery.ID) // with its attempts
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "  %s %s:", event.EventData, delivery.Status)
		for _, attempt := range delivery.Attempts {
			if attempt.ResponseStatusCode != nil {
				fmt.Fprintf(out, " %d (%s)", *attempt.ResponseStatusCode, strings.TrimSpace(attempt.ResponseBody))
			} else {
				fmt.Fprintf(out, " %s (%s)", attempt.Status, attempt.ErrorMessage)
			}
		}
		fmt.Fprintln(out)
	}
	endpoint, err = store.Endpoints().GetByID(ctx, endpoint.ID)
	if err == nil && !endpoint.IsActive {
		fmt.Fprintln(out, "  no longer active:", endpoint.DisabledReason)
	}
	return err
}
