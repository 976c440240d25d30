// Package differential asks two backends the same: whatever sequence of calls an app makes, it must not be
// able to tell SQLite from PostgreSQL by the answers. It has tests only.
//
//	go test ./internal/differential                        // some sequences
//	go test ./internal/differential -rapid.checks 20000 -timeout 0
package differential
