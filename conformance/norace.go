//go:build !race

package conformance

// raceDetector tells that the tests run with -race, which makes some backends many times slower.
const raceDetector = false
