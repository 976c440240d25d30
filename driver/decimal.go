package driver

import (
	"bytes"
	"cmp"
	"slices"
	"strconv"
)

// decimal is a JSON number, exact whatever its size: 0.digits × 10^exponent. Each number has one
// form, so that 1, 1.0 and 10e-1 are the same, and so are 0 and -0. Making one and comparing two
// takes time and memory in proportion to the text, not to the number: 1e999999999 is a short one.
type decimal struct {
	negative bool
	digits   []byte // without zeros at either end; none: the number is zero, and nothing else is set
	exponent exponent
}

// exponent is a whole number. It is kept as decimal digits because reading a long number into a
// big.Int takes time in proportion to the square of its length.
type exponent struct {
	negative bool
	digits   []byte // without zeros in front; none: zero, which is not negative
}

// parseDecimal reads a JSON number that is known to be one. The result may share its bytes.
func parseDecimal(number []byte) decimal {
	number, negative := bytes.CutPrefix(number, []byte("-"))
	var power []byte
	if e := bytes.IndexAny(number, "eE"); e >= 0 {
		number, power = number[:e], number[e+1:]
	}
	whole, fraction, _ := bytes.Cut(number, []byte("."))
	whole, fraction = bytes.TrimLeft(whole, "0"), bytes.TrimRight(fraction, "0")
	point, digits := len(whole), whole
	if len(fraction) > 0 {
		digits = slices.Concat(whole, fraction)
	}
	significant := bytes.TrimLeft(digits, "0")
	point -= len(digits) - len(significant)
	significant = bytes.TrimRight(significant, "0")
	if len(significant) == 0 {
		return decimal{}
	}
	return decimal{negative, significant, parseExponent(power, point)}
}

// parseExponent returns power + shift. An empty power is 0.
func parseExponent(power []byte, shift int) exponent {
	power, negative := bytes.CutPrefix(power, []byte("-"))
	power = bytes.TrimLeft(bytes.TrimPrefix(power, []byte("+")), "0")
	if negative {
		shift = -shift // and of the sum, in the end
	}
	// Up to 18 digits an int64 holds the sum: a shift is no more than the length of a text.
	if len(power) <= 18 {
		sum := int64(shift)
		if len(power) > 0 {
			n, _ := strconv.ParseInt(string(power), 10, 64)
			sum += n
		}
		if sum == 0 {
			return exponent{}
		}
		if sum < 0 {
			negative, sum = !negative, -sum
		}
		return exponent{negative, strconv.AppendInt(nil, sum, 10)}
	}
	// With more, the sum has the sign of power, and its digits are added from the right.
	power = append([]byte("0"), power...)
	for i := len(power) - 1; shift != 0; i-- {
		sum := int(power[i]-'0') + shift
		digit := ((sum % 10) + 10) % 10
		power[i], shift = '0'+byte(digit), (sum-digit)/10
	}
	return exponent{negative, bytes.TrimLeft(power, "0")}
}

// compare is negative, zero or positive as d is less than, equal to or greater than other.
func (d decimal) compare(other decimal) int {
	if order := cmp.Compare(d.sign(), other.sign()); order != 0 || d.sign() == 0 {
		return order
	}
	order := d.exponent.compare(other.exponent)
	if order == 0 {
		order = bytes.Compare(d.digits, other.digits)
	}
	return order * d.sign()
}

func (d decimal) sign() int {
	switch {
	case len(d.digits) == 0:
		return 0
	case d.negative:
		return -1
	}
	return 1
}

func (e exponent) compare(other exponent) int {
	sign := 1
	if e.negative {
		sign = -1
	}
	switch {
	case e.negative != other.negative:
		return sign
	case len(e.digits) != len(other.digits):
		return cmp.Compare(len(e.digits), len(other.digits)) * sign
	}
	return bytes.Compare(e.digits, other.digits) * sign
}

// appendTo appends the number in a form that is the same for equal numbers and ends where it ends.
func (d decimal) appendTo(form []byte) []byte {
	if d.negative {
		form = append(form, '-')
	}
	form = append(append(form, '.'), d.digits...)
	form = append(form, 'e')
	if d.exponent.negative {
		form = append(form, '-')
	}
	return append(append(form, d.exponent.digits...), ';')
}
