package main

import (
	"encoding/binary"
	"encoding/json"
	"math/rand/v2"

	"github.com/google/uuid"
)

// vary returns a payload in which the digits 1 to 9 stand for one another in a way that follows from
// the id. It is as long, and what is the same in it stays the same. So the payloads of an archive don't
// repeat, which files would be far too small with: they have the same texts, with other numbers.
func vary(payload json.RawMessage, id uuid.UUID) json.RawMessage {
	rng := rand.New(rand.NewPCG(binary.BigEndian.Uint64(id[:8]), binary.BigEndian.Uint64(id[8:])))
	var digits [10]byte
	for i, j := range rng.Perm(9) {
		digits[1+i] = byte('1' + j)
	}
	varied := make(json.RawMessage, len(payload))
	copy(varied, payload)
	for i := 0; i < len(varied); i++ {
		switch c := varied[i]; {
		case '1' <= c && c <= '9':
			varied[i] = digits[c-'0']
		case c == '\\' && i+1 < len(varied) && varied[i+1] == 'u': // what it stands for must stay a character
			i += len(`u0000`)
		case c == '\\':
			i++
		}
	}
	return varied
}
