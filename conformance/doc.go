// Package conformance is the proof of a backend: the behaviours that package
// driver promises, each a test of its own, run against any implementation.
//
//	func TestConformance(t *testing.T) {
//		conformance.Run(t, conformance.Harness{
//			Open: func(t *testing.T, opts ...driver.Option) driver.DB {
//				db, err := driver.Connect(t.Context(), "mine:"+filepath.Join(t.TempDir(), "test.db"), opts...)
//				if err != nil {
//					t.Fatal(err)
//				}
//				t.Cleanup(func() { db.Close() })
//				return db
//			},
//			Concurrent:  true,
//			ReadsBeside: true,
//		})
//	}
//
// The tests are grouped in areas, one file each: TestConformance/Events/Save/KeepsTheGivenID. A failure
// says what was expected, what came, on which backend, and how to run it alone.
// A backend in the making begins with [Harness].Only and widens it.
//
// No behaviour depends on how long something takes. Waits are bounded, generously.
// With -short or -race the sizes are smaller.
package conformance
