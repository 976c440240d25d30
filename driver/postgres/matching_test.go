package postgres_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/neomultitenant/neoevents/driver"
	"github.com/neomultitenant/neoevents/internal/pgtest"
	"github.com/neomultitenant/neoevents/query"
)

// manySubscriptions fills a schema with subscriptions to 1,000 types, ten to a category, of 10,000
// endpoints and 50 contexts, some of them patterns, and vacuums it.
func manySubscriptions(tb testing.TB, conn *pgx.Conn, n int) {
	tb.Helper()
	for _, sql := range []string{
		"SET synchronous_commit = on", // else VACUUM does not yet take the pages for visible to all
		fmt.Sprintf(`INSERT INTO %[1]q.webhook_endpoints (id, name, description, endpoint_url, http_method, key_id, secret_token, custom_headers,
			signature_header, timeout_seconds, follow_redirects, verify_ssl, max_retry_attempts, retry_backoff_seconds, retry_backoff_multiplier,
			retry_jitter, disable_after_failures, disable_after_days, is_active)
			SELECT ('00000000-0000-0000-0001-' || lpad(i::text, 12, '0'))::uuid, 'e', '', 'https://example.com', 'POST', '', 'plain.s', 'plain.{}',
			'X-Signature', 30, false, true, 3, 5, 2, false, 0, 0, true FROM generate_series(0, 9999) i`, tenant),
		fmt.Sprintf(`INSERT INTO %[1]q.webhook_event_types (id, event_type, category, display_name, description, is_enabled, requires_verification)
			SELECT ('00000000-0000-0000-0002-' || lpad(i::text, 12, '0'))::uuid, 'category-' || i / 10 || '.type-' || i, 'category-' || i / 10, '', '', true, false
			FROM generate_series(0, 999) i`, tenant),
		fmt.Sprintf(`INSERT INTO %[1]q.webhook_subscriptions (id, endpoint_id, event_type_id, event_type, event_filters, is_active, context_id, subscription_name, description)
			SELECT ('00000000-0000-0000-0003-' || lpad(i::text, 12, '0'))::uuid, ('00000000-0000-0000-0001-' || lpad((i %% 10000)::text, 12, '0'))::uuid,
			('00000000-0000-0000-0002-' || lpad((i %% 1000)::text, 12, '0'))::uuid,
			CASE WHEN i %% 10000 = 0 THEN '*' WHEN i %% 1000 < 10 THEN 'category-' || (i %% 1000) || '.*' ELSE 'category-' || (i %% 1000) / 10 || '.type-' || i %% 1000 END,
			'{}', true, CASE WHEN i / 1000 %% 10 = 0 THEN NULL ELSE ('00000000-0000-0000-0004-' || lpad((i / 1000 %% 50)::text, 12, '0'))::uuid END, '', ''
			FROM generate_series(0, %[2]d - 1) i`, tenant, n),
		fmt.Sprintf(`VACUUM ANALYZE %q.webhook_subscriptions`, tenant),
		fmt.Sprintf(`VACUUM ANALYZE %q.webhook_endpoints`, tenant),
		fmt.Sprintf(`VACUUM ANALYZE %q.webhook_event_types`, tenant),
	} {
		if _, err := conn.Exec(tb.Context(), sql); err != nil {
			tb.Fatal(err)
		}
	}
}

// A type and a context that some of manySubscriptions are about.
const matchedType = "category-7.type-77"

var matchedContext = uuid.MustParse("00000000-0000-0000-0004-000000000007")

// The subscriptions of a type are found by the index, however many there are; and asked for what
// the index has, the table is not read at all.
func TestMatchingReadsTheIndexOnly(t *testing.T) {
	dsn := pgtest.DSN(t)
	store := storeOf(t, open(t, dsn), tenant)
	conn := admin(t, dsn)
	manySubscriptions(t, conn, 100_000)
	statements := driver.Unwrap(store).(*query.Store)
	indexed := []driver.SubscriptionColumn{
		driver.SubscriptionColumnID, driver.SubscriptionColumnEndpointID, driver.SubscriptionColumnEventType, driver.SubscriptionColumnContextID,
	}
	for name, columns := range map[string][]driver.SubscriptionColumn{"indexed columns": indexed, "all columns": driver.SubscriptionColumns()} {
		for _, ofContext := range []bool{false, true} {
			patterns := driver.CoveringPatterns(matchedType)
			args := []any{patterns, matchedType}
			if ofContext {
				args = []any{patterns, patterns, matchedContext, matchedType}
			}
			plan := explain(t, conn, statements.MatchingStatement(columns, ofContext), args)
			if strings.Contains(plan, "Seq Scan") {
				t.Errorf("%s, of a context %t: the plan reads a whole table:\n%s", name, ofContext, plan)
			}
			if !strings.Contains(plan, "webhook_subscriptions_matching_idx") {
				t.Errorf("%s, of a context %t: the plan does not use the index for it:\n%s", name, ofContext, plan)
			}
			if name == "indexed columns" && (strings.Contains(strings.ReplaceAll(plan, "Index Only Scan", ""), "Scan using") ||
				strings.Contains(strings.ReplaceAll(plan, "Heap Fetches: 0\n", ""), "Heap Fetches") || strings.Contains(plan, "Bitmap")) {
				t.Errorf("%s, of a context %t: the plan reads a table:\n%s", name, ofContext, plan)
			}
		}
	}
	found, err := store.Subscriptions().GetMatching(t.Context(), matchedType, &matchedContext, driver.MatchOptions{})
	if err != nil || len(found) == 0 {
		t.Errorf("matching subscriptions: %d, %v; want some", len(found), err)
	}
}

func explain(t *testing.T, conn *pgx.Conn, sql string, args []any) string {
	t.Helper()
	rows, err := conn.Query(t.Context(), "EXPLAIN (ANALYZE, TIMING OFF, SUMMARY OFF) "+sql, args...)
	if err != nil {
		t.Fatal(err)
	}
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(lines, "\n") + "\n"
}

// BenchmarkGetMatching finds the subscribers of an event among 100,000 subscriptions; p50-µs is the
// median of one call.
func BenchmarkGetMatching(b *testing.B) {
	dsn := pgtest.DSN(b)
	db, err := driver.Connect(b.Context(), dsn, driver.WithLogger(nil))
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	store, err := db.Store(b.Context(), tenant)
	if err != nil {
		b.Fatal(err)
	}
	conn, err := pgx.Connect(b.Context(), dsn)
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close(context.Background())
	manySubscriptions(b, conn, 100_000)
	indexed := []driver.SubscriptionColumn{
		driver.SubscriptionColumnID, driver.SubscriptionColumnEndpointID, driver.SubscriptionColumnEventType, driver.SubscriptionColumnContextID,
	}
	for name, columns := range map[string][]driver.SubscriptionColumn{"index": indexed, "all": nil} {
		b.Run(name, func(b *testing.B) {
			var took []time.Duration
			found := 0
			for i := 0; b.Loop(); i++ {
				start := time.Now()
				matching, err := store.Subscriptions().GetMatching(b.Context(), fmt.Sprintf("category-%d.type-%d", i%1000/10, i%1000), &matchedContext, driver.MatchOptions{Columns: columns})
				if err != nil {
					b.Fatal(err)
				}
				found += len(matching)
				took = append(took, time.Since(start))
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
			b.ReportMetric(float64(found)/float64(len(took)), "found/op")
		})
	}
}
