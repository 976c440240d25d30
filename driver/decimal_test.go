package driver

import (
	"bytes"
	"fmt"
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"
)

// compareDecimals also checks that what is equal has one form, and that the order is the same from
// the other side.
func compareDecimals(t *testing.T, a, b string) int {
	t.Helper()
	left, right := parseDecimal([]byte(a)), parseDecimal([]byte(b))
	order := left.compare(right)
	if right.compare(left) != -order {
		t.Errorf("%.60s and %.60s: the order depends on the side", a, b)
	}
	if same := bytes.Equal(left.appendTo(nil), right.appendTo(nil)); same != (order == 0) {
		t.Errorf("%.60s and %.60s: order %d, same form: %v", a, b, order, same)
	}
	return order
}

func TestDecimalsAreEqualHoweverTheyAreWritten(t *testing.T) {
	zeros := strings.Repeat("0", 1000)
	for _, equal := range [][]string{
		{"1", "1.0", "1e0", "1E+0", "1e-0", "10e-1", "0.1e1", "0.001e3", "1." + zeros, "1" + zeros + "e-1000", "0." + zeros + "1e1001", "1e00"},
		{"0", "-0", "0.0", "0e5", "-0.000E-99999999999999999999", "0e99999999999999999999"},
		{"-1.5", "-15e-1", "-0.15E1", "-1.50"},
		{"1e400", "10e399", "1" + strings.Repeat("0", 400)},
		{"1e-400", "0.1e-399", "10e-401"},
		{"9007199254740993", "9007199254740993.0", "9.007199254740993e15"},
		{"1e999999999", "10e999999998", "0.1e1000000000"},
		{"1e999999999999999999", "10e999999999999999998", "0.1e1000000000000000000", "0.01e1000000000000000001"},
		{"1e9999999999999999999999", "0.1e10000000000000000000000", "10e9999999999999999999998", "1e09999999999999999999999"},
		{"1e-9999999999999999999999", "10e-10000000000000000000000", "0.1e-9999999999999999999998"},
		{"1e-999999999999999999", "10e-1000000000000000000", "0.1e-999999999999999998"},
	} {
		for _, other := range equal {
			if compareDecimals(t, equal[0], other) != 0 {
				t.Errorf("%.60s is not equal to %.60s", equal[0], other)
			}
		}
	}
}

func TestDecimalsAreOrdered(t *testing.T) {
	ascending := []string{
		"-1e9999999999999999999999", "-1e999999999", "-1e400", "-10", "-9.99", "-2", "-1.0000000000000000000001", "-1", "-0.1", "-1e-400", "-1e-9999999999999999999999",
		"0", "1e-9999999999999999999999", "1e-1000000000", "1e-999999999", "1e-400", "0.09", "0.1", "0.10000000000000000000001", "0.2", "1", "1.5", "2", "9.99", "10",
		"9007199254740992", "9007199254740993", "1e400", "1.000000000001e400", "1e401", "1e999999999", "2e999999999", "1e1000000000", "1e999999999999999999", "1e1000000000000000000", "1e9999999999999999999999",
	}
	for i, a := range ascending {
		for j, b := range ascending {
			want := 0
			switch {
			case i < j:
				want = -1
			case i > j:
				want = 1
			}
			if got := compareDecimals(t, a, b); got != want {
				t.Errorf("%s against %s: %d, want %d", a, b, got, want)
			}
		}
	}
}

func TestHostileNumbersCostNoMoreThanTheirText(t *testing.T) {
	long := strings.Repeat("9", 4<<20)
	for _, test := range []struct {
		name, a, b string
		want       int
	}{
		{"exponents", "1e" + long, "2e" + long, -1},
		{"an exponent that grows by a digit", "10e" + long, "1e1" + strings.Repeat("0", len(long)), 0},
		{"negative exponents", "1e-" + long, "1e" + long, -1},
		{"digits", long, long + ".1", -1},
		{"a fraction", "0." + long, "0." + long + "1", -1},
		{"zeros", "0." + strings.Repeat("0", 4<<20), "0", 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := compareDecimals(t, test.a, test.b); got != test.want {
				t.Errorf("got %d, want %d", got, test.want)
			}
		})
	}
}

func TestDecimalsAgreeWithRationals(t *testing.T) {
	const seed = 7
	random := rand.New(rand.NewPCG(seed, seed))
	digits := func(most int) string {
		text := make([]byte, 1+random.IntN(most))
		for i := range text {
			text[i] = "0019"[random.IntN(4)]
		}
		return string(text)
	}
	number := func() string {
		text := strings.TrimLeft(digits(4), "0")
		if text == "" {
			text = "0"
		}
		if random.IntN(2) == 0 {
			text = "-" + text
		}
		if random.IntN(2) == 0 {
			text += "." + digits(4)
		}
		if random.IntN(2) == 0 {
			text += fmt.Sprintf("e%+d", random.IntN(9)-4)
		}
		return text
	}
	for range 20_000 {
		a, b := number(), number()
		left, _ := new(big.Rat).SetString(a)
		right, _ := new(big.Rat).SetString(b)
		if got, want := compareDecimals(t, a, b), left.Cmp(right); got != want {
			t.Fatalf("seed %d: %s against %s: %d, want %d", seed, a, b, got, want)
		}
	}
}

func TestExponentsAgreeWithBigIntegers(t *testing.T) {
	const seed = 8
	random := rand.New(rand.NewPCG(seed, seed))
	for range 20_000 {
		power := make([]byte, 1+random.IntN(25))
		for i := range power {
			power[i] = "009"[random.IntN(3)]
		}
		text := []string{"", "+", "-"}[random.IntN(3)] + string(power)
		shift := random.IntN(2_000_001) - 1_000_000
		want, _ := new(big.Int).SetString(text, 10)
		want.Add(want, big.NewInt(int64(shift)))
		got := parseExponent([]byte(text), shift)
		read, _ := new(big.Int).SetString("0"+string(got.digits), 10)
		if got.negative {
			read.Neg(read)
		}
		if read.Cmp(want) != 0 || len(got.digits) > 0 && got.digits[0] == '0' || got.negative && len(got.digits) == 0 {
			t.Fatalf("seed %d: %s and %d: %v%s, want %s", seed, text, shift, got.negative, got.digits, want)
		}
	}
}
