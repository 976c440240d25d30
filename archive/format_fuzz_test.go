package archive

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"testing"
)

// FuzzDamage: of an archive in which bytes were replaced, nothing but the same bytes is taken for intact.
func FuzzDamage(f *testing.F) {
	type objects struct {
		archived
		names    [2]string // the events, the manifest
		contents [2][]byte
	}
	var archives [2]objects
	for i, encrypt := range []bool{false, true} {
		a := newArchived(f, newMemory(), "tenant_acme/2026", encrypt)
		m := a.write(f, newEvents(5))
		stored := a.storage.(*memory).objects
		archives[i] = objects{a, [2]string{m.Object, manifestName(a.name)}, [2][]byte{stored[m.Object], stored[manifestName(a.name)]}}
	}
	f.Add(false, false, uint16(0), uint16(1), []byte{0})
	f.Add(true, false, uint16(100), uint16(0), []byte("x"))
	f.Add(false, true, uint16(20), uint16(3), []byte{})
	f.Add(true, true, uint16(9999), uint16(0), []byte("\n"))
	f.Add(false, false, uint16(0), uint16(9999), archives[1].contents[0])
	f.Add(true, true, uint16(0), uint16(9999), archives[0].contents[1])
	f.Fuzz(func(t *testing.T, encrypted, manifest bool, at, length uint16, by []byte) {
		of, which := archives[0], 0
		if encrypted {
			of = archives[1]
		}
		if manifest {
			which = 1
		}
		whole := of.contents[which]
		from := min(int(at), len(whole))
		to := min(from+int(length), len(whole))
		damaged := slices.Concat(whole[:from], by, whole[to:])
		a, storage := of.archived, newMemory()
		a.storage = storage
		storage.objects[of.names[1-which]], storage.objects[of.names[which]] = of.contents[1-which], damaged

		err := a.verify()
		_, readErr := a.read()
		if intact := bytes.Equal(damaged, whole); intact != (err == nil) || intact != (readErr == nil) {
			t.Fatalf("intact: %t; verifying says %v, reading %v", intact, err, readErr)
		}
		if err != nil && !errors.Is(err, ErrCorrupt) && !(manifest && errors.Is(err, ErrMissing)) { // a manifest may name another object
			t.Errorf("got error %v, want ErrCorrupt", err)
		}
	})
}

// FuzzManifest: a manifest that is taken, with a checksum that fits it, is taken whole: it says the same when it is
// written again, and holds what this library writes only.
func FuzzManifest(f *testing.F) {
	a := newArchived(f, newMemory(), "a", true)
	a.write(f, newEvents(2))
	text := a.storage.(*memory).objects[manifestName("a")]
	fields := text[:bytes.LastIndex(text, []byte(checksumStart))]
	f.Add(slices.Clone(fields))
	for _, change := range [][2]string{
		{`"version": 1`, `"version": 2`}, {`"version": 1`, `"version": 1, "version": 1`}, {`"object"`, `"Object"`}, {`"key_id"`, `"key"`}, {`{`, `{"x": 1,`}, {`"zstd"`, `null`}, {`"zstd"`, `"gzip"`},
	} {
		f.Add(bytes.Replace(fields, []byte(change[0]), []byte(change[1]), 1))
	}
	withChecksum := func(fields []byte) []byte {
		sum := sha256.Sum256(fields)
		return slices.Concat(fields, []byte(checksumStart), hex.AppendEncode(nil, sum[:]), []byte(checksumEnd))
	}
	f.Fuzz(func(t *testing.T, fields []byte) {
		m, err := decodeManifest("a.manifest.json", withChecksum(fields))
		if err != nil {
			if !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrTooNew) {
				t.Errorf("got error %v, want ErrCorrupt or ErrTooNew", err)
			}
			return
		}
		if err := m.check(); err != nil {
			t.Fatalf("taken, and not one of this library: %v", err)
		}
		text, err := m.encode()
		if err != nil {
			t.Fatal(err)
		}
		again, err := decodeManifest("a.manifest.json", text)
		if err != nil {
			t.Fatalf("written again it is refused: %v", err)
		}
		if twice, err := again.encode(); err != nil || !bytes.Equal(twice, text) {
			t.Errorf("written again it says\n%s\nand before\n%s (%v)", twice, text, err)
		}
	})
}
