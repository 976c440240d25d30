package archive

import (
	"errors"

	"filippo.io/age"

	"github.com/neomultitenant/neoevents/driver"
)

// An encrypted archive is an age file. The key of the file is random; the key ring seals it, bound
// to the archive, and so the file can be read with the app's keys only, and as that archive only.

// stanzaType marks the part of an age file's header that holds the sealed key. Its argument is the
// ID of the key of the ring.
const stanzaType = "neoevents"

// sealPlace is the place that the key ring binds the key of an archive's file to.
func sealPlace(m *Manifest) string { return "archive/" + m.Schema + "/" + m.ArchiveID.String() }

// ringRecipient is an age.Recipient. The ring has a current key.
type ringRecipient struct {
	keys  *driver.KeyRing
	place string
}

// Wrap implements age.Recipient.
func (r ringRecipient) Wrap(fileKey []byte) ([]*age.Stanza, error) {
	sealed := r.keys.Seal(string(fileKey), r.place)
	keyID, err := driver.SealedBy(sealed)
	if err != nil {
		return nil, err
	}
	return []*age.Stanza{{Type: stanzaType, Args: []string{keyID}, Body: []byte(sealed)}}, nil
}

// ringIdentity is an age.Identity.
type ringIdentity struct {
	keys  *driver.KeyRing
	keyID string // that the manifest tells
	place string
}

// The errors of Unwrap. errKeyDoesNotOpen is one of a header that looks as it was written.
var (
	errForeignHeader  = errors.New("the header is not one of this library")
	errKeyDoesNotOpen = errors.New("the key of the file does not open")
)

// Unwrap implements age.Identity.
func (i ringIdentity) Unwrap(stanzas []*age.Stanza) ([]byte, error) {
	if len(stanzas) != 1 || stanzas[0].Type != stanzaType || len(stanzas[0].Args) != 1 || stanzas[0].Args[0] != i.keyID {
		return nil, errForeignHeader
	}
	sealed := string(stanzas[0].Body)
	// A key that is not sealed would open, too: anybody could have written such a file.
	if keyID, err := driver.SealedBy(sealed); err != nil || keyID != i.keyID {
		return nil, errForeignHeader
	}
	fileKey, err := i.keys.Open(sealed, i.place)
	if err != nil {
		return nil, errKeyDoesNotOpen
	}
	return []byte(fileKey), nil
}
