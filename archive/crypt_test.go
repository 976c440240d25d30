package archive

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"reflect"
	"strings"
	"testing"

	"filippo.io/age"
	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

// forgeObject stores content as the object of an archive, with a manifest that fits as far as it can.
func forgeObject(a archived, content []byte, rawBytes int64) Manifest {
	object := objectName(a.name, a.options.encrypt)
	a.storage.(*memory).objects[object] = content
	sum := sha256.Sum256(content)
	return Manifest{
		Format: ManifestFormat, Version: 1, ArchiveID: a.options.archiveID, Schema: a.options.schema, Object: object, Compression: "zstd",
		KeyID: a.options.keys.Current(), SizeBytes: int64(len(content)), SHA256: hex.EncodeToString(sum[:]), EventCount: 1, RawBytes: rawBytes, LongestLine: rawBytes,
	}
}

func TestAnEncryptedFileShowsNothingOfTheEvents(t *testing.T) {
	a := newArchived(t, newMemory(), "a", true)
	events := newEvents(50)
	m := a.write(t, events)
	stored := a.storage.(*memory).objects[m.Object]
	header, _, _ := bytes.Cut(stored, []byte("\n---"))
	if !bytes.HasPrefix(stored, []byte("age-encryption.org/v1\n-> neoevents 2026\n")) || bytes.Count(header, []byte("->")) != 1 {
		t.Errorf("got a file that begins with %q, want an age file with one stanza", header)
	}
	plain := newArchived(t, newMemory(), "a", false)
	pm := plain.write(t, events)
	if compressed := plain.storage.(*memory).objects[pm.Object]; bytes.Contains(stored, compressed[:20]) {
		t.Error("the compressed events are in it as they are")
	}
	again := newArchived(t, newMemory(), "a", true)
	if again.options.archiveID = a.options.archiveID; again.write(t, events).SHA256 == m.SHA256 {
		t.Error("the same events were encrypted to the same bytes, want a new key and nonce for each file")
	}
}

func TestAnOldKeyOpensItsArchives(t *testing.T) {
	a := newArchived(t, newMemory(), "a", true)
	want := newEvents(3)
	a.write(t, want)
	a.options.keys = newRing(t, newKey("2027", "another"), newKey("2026", "the key"))
	if got, err := a.read(); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %d events (%v), want all", len(got), err)
	}
}

func TestAMissingKeyIsFoundBeforeAnyIO(t *testing.T) {
	a := newArchived(t, newMemory(), "a", true)
	m := a.write(t, newEvents(1))
	for name, keys := range map[string]*driver.KeyRing{"another ring": newRing(t, newKey("2027", "the key")), "no ring": nil, "an empty ring": {}} {
		err := verifyFile(t.Context(), nil, m, keys)
		wantKind(t, name, err, driver.ErrMissingKey)
		var missing *driver.MissingKeyError
		if !errors.As(err, &missing) || missing.KeyID != "2026" {
			t.Errorf("%s: got error %v, want one that names the key 2026", name, err)
		}
	}
}

func TestAWrongKeyIsToldFromDamage(t *testing.T) {
	a := newArchived(t, newMemory(), "a", true)
	m := a.write(t, newEvents(3))
	wrong := newRing(t, newKey("2026", "another key"))
	err := verifyFile(t.Context(), a.storage, m, wrong)
	wantKind(t, "another key of the same ID", err, ErrWrongKey)
	if errors.Is(err, ErrCorrupt) {
		t.Errorf("got error %v, want none of ErrCorrupt", err)
	}
	stored := a.storage.(*memory).objects[m.Object]
	stored[len(stored)-1] ^= 1
	err = verifyFile(t.Context(), a.storage, m, wrong)
	wantKind(t, "and a damaged file", err, ErrCorrupt)
	if errors.Is(err, ErrWrongKey) {
		t.Errorf("got error %v, want none of ErrWrongKey", err)
	}
}

// Who can write to the storage, but has no key, can put one archive in place of another and make the
// manifest fit. The key of the file is bound to its archive.
func TestAFileOpensAsItsOwnArchiveOnly(t *testing.T) {
	a := newArchived(t, newMemory(), "a", true)
	m := a.write(t, newEvents(3))
	for name, change := range map[string]func(*Manifest){
		"another archive": func(m *Manifest) { m.ArchiveID = uuid.New() },
		"another schema":  func(m *Manifest) { m.Schema = "tenant_other" },
	} {
		changed := m
		change(&changed)
		wantKind(t, name, verifyFile(t.Context(), a.storage, changed, a.options.keys), ErrWrongKey)
	}
}

// recipient is an age.Recipient of a test.
type recipient func(fileKey []byte) []*age.Stanza

func (r recipient) Wrap(fileKey []byte) ([]*age.Stanza, error) { return r(fileKey), nil }

// Nobody without a key of the ring can make a file that opens.
func TestAForgedHeaderIsRefused(t *testing.T) {
	a := newArchived(t, newMemory(), "a", true)
	place := sealPlace(&Manifest{Schema: a.options.schema, ArchiveID: a.options.archiveID})
	seal := func(keys *driver.KeyRing, fileKey []byte) []byte { return []byte(keys.Seal(string(fileKey), place)) }
	stanza := func(typ string, body []byte, args ...string) []*age.Stanza {
		return []*age.Stanza{{Type: typ, Args: args, Body: body}}
	}
	foreign := newRing(t, newKey("2027", "another"))
	a.options.keys = newRing(t, newKey("2026", "the key"), newKey("old", "an old key"))
	for name, wrap := range map[string]recipient{
		"right":            func(k []byte) []*age.Stanza { return stanza("neoevents", seal(a.options.keys, k), "2026") },
		"not sealed":       func(k []byte) []*age.Stanza { return stanza("neoevents", seal(nil, k), "2026") },
		"as it is":         func(k []byte) []*age.Stanza { return stanza("neoevents", k, "2026") },
		"of a foreign key": func(k []byte) []*age.Stanza { return stanza("neoevents", seal(foreign, k), "2026") },
		"of another ID":    func(k []byte) []*age.Stanza { return stanza("neoevents", seal(a.options.keys, k), "old") },
		"without an ID":    func(k []byte) []*age.Stanza { return stanza("neoevents", seal(a.options.keys, k)) },
		"of another type":  func(k []byte) []*age.Stanza { return stanza("X25519", seal(a.options.keys, k), "2026") },
		"with one stanza more": func(k []byte) []*age.Stanza {
			return append(stanza("neoevents", seal(a.options.keys, k), "2026"), stanza("neoevents", seal(nil, k), "2026")...)
		},
	} {
		var out bytes.Buffer
		encrypted, err := age.Encrypt(&out, wrap)
		if err != nil {
			t.Fatal(err)
		}
		var s summary
		if err := compressEvents(t.Context(), encrypted, each(newEvents(1)), 1, &s); err != nil {
			t.Fatal(err)
		}
		if err := encrypted.Close(); err != nil {
			t.Fatal(err)
		}
		m := forgeObject(a, out.Bytes(), 1)
		s.describe(&m)
		err = verifyFile(t.Context(), a.storage, m, a.options.keys)
		if name == "right" {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		wantKind(t, name, err, ErrCorrupt)
	}
}

// A plain file in place of an encrypted one must not be taken for it, and no error may show it.
func TestAPlainFileIsNotTakenForAnEncryptedOne(t *testing.T) {
	a := newArchived(t, newMemory(), "a", true)
	for _, content := range []string{`{"secret":"c4nary"}` + "\n", "age-encryption.org/v1\n-> c4nary\n", "age-encryption.org/v1\nc4nary\n", "age-encryption.org/v1\n-> a\n--- c4nary\n"} {
		err := verifyFile(t.Context(), a.storage, forgeObject(a, []byte(content), 1), a.options.keys)
		wantKind(t, content, err, ErrCorrupt)
		if strings.Contains(err.Error(), "c4nary") {
			t.Errorf("the error repeats what is stored: %v", err)
		}
	}
}
