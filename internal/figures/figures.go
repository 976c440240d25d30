// Package figures writes numbers for people.
package figures

import "strconv"

// Rounded writes a rate, which is positive, as a whole number.
func Rounded(rate float64) string { return Grouped(int(rate + 0.5)) }

// Grouped writes a number with commas between its thousands.
func Grouped(n int) string {
	digits := strconv.Itoa(n)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}
