package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

// The kinds of findings about archives, beside those about claims.
const (
	isChanged    kind = "changed"
	isOrphan     kind = "orphan"     // a file, or a part of one
	isMiscounted kind = "miscounted" // a record that tells of another number of events than there are
)

// checkAll looks where the events are: after the workers have ended, after one run to the end, and
// after all is restored. Each look is of a moment at which nobody works.
func (c *archiveCrash) checkAll(ctx context.Context) error {
	if err := c.giveUp(ctx); err != nil {
		return err
	}
	if err := c.look(ctx, "crashed"); err != nil {
		return err
	}
	report, err := c.archiver.Run(ctx, everything(false))
	if err != nil {
		return err
	}
	if err := c.look(ctx, fmt.Sprintf("archived %d more", report.Events)); err != nil {
		return err
	}
	if err := c.checkLeft(ctx); err != nil {
		return err
	}
	if err := c.restoreAll(ctx); err != nil {
		return err
	}
	return c.look(ctx, "restored all")
}

// giveUp waits until what dead workers had begun is given up, and clears away what they left.
func (c *archiveCrash) giveUp(ctx context.Context) error {
	for since := time.Now(); ; {
		if _, err := c.archiver.Sweep(ctx); err != nil {
			return err
		}
		begun, err := c.store.Archives().GetByStatus(ctx, driver.ArchiveInProgress, driver.MaxLimit)
		if err != nil {
			return err
		}
		if len(begun) == 0 {
			break
		}
		if time.Since(since) > patience {
			return fmt.Errorf("%w for %s: archive %s is in progress", errStuck, patience, begun[0].ID)
		}
		if err := wait(ctx, giveUpLag); err != nil {
			return err
		}
	}
	_, err := c.dir.RemoveUnfinished(0)
	return err
}

// places is where the events are at a moment.
type places struct {
	*archiveCrash
	stored   map[uuid.UUID]bool
	archived map[uuid.UUID]uuid.UUID // in which archive, as the store says; what its file has is taken out
	times    map[uuid.UUID]int       // in how many places each was found
	sum      checksum                // of all that were found
}

// look finds each event, in the store or in the file of a completed archive, and compares it with
// what was saved.
func (c *archiveCrash) look(ctx context.Context, when string) error {
	p := &places{archiveCrash: c, stored: map[uuid.UUID]bool{}, archived: map[uuid.UUID]uuid.UUID{}, times: map[uuid.UUID]int{}}
	before := len(c.findings)
	if err := p.readStore(ctx); err != nil {
		return err
	}
	if err := p.askForArchived(ctx); err != nil {
		return err
	}
	archived := len(p.archived)
	archives, err := c.archives(ctx, driver.ArchiveCompleted, driver.ArchiveRestored)
	if err != nil {
		return err
	}
	for _, a := range archives {
		if err := p.readArchive(ctx, a); err != nil {
			return err
		}
	}
	p.compare()
	if err := p.checkCounts(ctx, archived); err != nil {
		return err
	}
	if err := p.checkFiles(archives); err != nil {
		return err
	}
	fmt.Fprintf(c.progress, "archive-crash %s, %s: %d events in the store, %d in archives; %d archives; checksum %s; %d findings\n",
		c.Backend, when, len(p.stored), archived, len(archives), p.sum, len(c.findings)-before)
	return nil
}

func (c *archiveCrash) found(kind kind, id uuid.UUID, reason string, args ...any) {
	c.findings = append(c.findings, finding{kind: kind, event: id, reason: fmt.Sprintf(reason, args...)})
}

// archives returns those of some statuses.
func (c *archiveCrash) archives(ctx context.Context, statuses ...driver.ArchiveStatus) ([]driver.Archive, error) {
	var all []driver.Archive
	for _, status := range statuses {
		some, err := c.store.Archives().GetByStatus(ctx, status, driver.MaxLimit)
		if err != nil {
			return nil, err
		}
		if len(some) == driver.MaxLimit {
			return nil, fmt.Errorf("there are more %s archives than a list has", status)
		}
		all = append(all, some...)
	}
	return all, nil
}

const (
	reader   = "crash" // the consumer that reads the store
	readPage = 1000
)

// readStore reads the events that are in the store, as a consumer that is new.
func (p *places) readStore(ctx context.Context) error {
	consumers := p.store.Consumers()
	last := int64(0)
	for {
		page, err := consumers.Read(ctx, reader, readPage)
		if err != nil {
			return err
		}
		if len(page) == 0 {
			break
		}
		for i := range page {
			p.find(&page[i], "in the store")
			p.stored[page[i].ID] = true
		}
		last = page[len(page)-1].Position
		if err := consumers.Commit(ctx, reader, last); err != nil {
			return err
		}
	}
	_, err := consumers.Delete(ctx, reader)
	return err
}

// find counts a place that an event is in, and compares it.
func (p *places) find(e *driver.Event, place string) {
	want, ok := p.feed.known[e.ID]
	sum := checksumOf(e)
	switch {
	case !ok:
		p.found(isDoubled, e.ID, "is %s, and nobody saved it", place)
	case e.Position != want.position:
		p.found(isChanged, e.ID, "%s is at position %d, and was saved at %d", place, e.Position, want.position)
	case sum != want.sum:
		p.found(isChanged, e.ID, "%s is not as it was saved and processed: %+v", place, *e)
	}
	p.times[e.ID]++
	p.sum.add(sum)
}

// askForArchived asks where the events are that are not in the store.
func (p *places) askForArchived(ctx context.Context) error {
	for id := range p.feed.known {
		if p.stored[id] {
			continue
		}
		_, err := p.store.Events().GetByID(ctx, id)
		var archived *driver.ArchivedError
		switch {
		case errors.As(err, &archived):
			p.archived[id] = archived.ArchiveID
		case err == nil:
			p.found(isLost, id, "is in the store, and consumers don't get it")
		case !errors.Is(err, driver.ErrNotFound):
			return err
		}
	}
	return nil
}

// readArchive reads the file of an archive to its end. An event of it is there, or was restored.
func (p *places) readArchive(ctx context.Context, a driver.Archive) error {
	if err := p.archiver.Verify(ctx, a.ID); err != nil {
		p.found(isMiscounted, a.ID, "can't be verified: %v", err)
		return nil
	}
	var there, restored int64
	for event, err := range p.archiver.Read(ctx, a.ID) {
		if err != nil {
			return err
		}
		if _, ok := p.feed.known[event.ID]; ok && p.archived[event.ID] != a.ID {
			restored++
			continue
		}
		there++
		p.find(&event, "in archive "+a.ID.String())
		delete(p.archived, event.ID)
	}
	// What the record says is left is independent of what it says of each event.
	if restored > a.RestoredCount {
		p.found(isDoubled, a.ID, "has %d events of %d left, and %d of them are elsewhere, too", a.EventCount-a.RestoredCount, a.EventCount, restored-a.RestoredCount)
	}
	if restored < a.RestoredCount || there+restored != a.EventCount || (a.Status == driver.ArchiveRestored) != (there == 0) {
		p.found(isMiscounted, a.ID, "is %s with %d events, of which %d were restored; %d are in it and %d are not", a.Status, a.EventCount, a.RestoredCount, there, restored)
	}
	return nil
}

// compare finds the events that are in no place or in several, and compares the sum.
func (p *places) compare() {
	var sum checksum
	for id, event := range p.feed.known {
		sum.add(event.sum)
		archive, said := p.archived[id]
		switch n := p.times[id]; {
		case n == 0 && said:
			p.found(isLost, id, "is said to be in archive %s, and is not in its file", archive)
		case n == 0:
			p.found(isLost, id, "is in no place")
		case n > 1:
			p.found(isDoubled, id, "is in %d places", n)
		}
		if !event.processed && !p.stored[id] {
			p.found(isLost, id, "is not processed, and not in the store any more")
		}
	}
	if sum != p.sum {
		p.found(isChanged, uuid.Nil, "the sum of checksums is %s, that of what was saved %s", p.sum, sum)
	}
}

// checkCounts compares what the library counts with what there is.
func (p *places) checkCounts(ctx context.Context, archived int) error {
	measure, err := p.store.Archives().Measure(ctx)
	if err != nil {
		return err
	}
	stats, err := p.store.Archives().GetStats(ctx)
	if err != nil {
		return err
	}
	waiting, err := p.store.Events().CountUnprocessed(ctx)
	if err != nil {
		return err
	}
	for what, pair := range map[string][2]int64{
		"events in the store": {measure.Events, int64(len(p.stored))},
		"events in archives":  {stats.Events, int64(archived)},
		"events in the queue": {waiting, int64(p.feed.waiting)},
	} {
		if pair[0] != pair[1] {
			p.found(isMiscounted, uuid.Nil, "%s: %d, there are %d", what, pair[0], pair[1])
		}
	}
	for _, delivery := range p.feed.open {
		if !p.stored[delivery.EventID] {
			p.found(isLost, delivery.EventID, "has a delivery that is not done, and is not in the store")
		}
	}
	return p.checkJobs(ctx)
}

// checkJobs compares the events that jobs have counted with those of all archives that ever were.
func (p *places) checkJobs(ctx context.Context) error {
	counted := map[uuid.UUID]int64{}
	for _, status := range []driver.ArchiveJobStatus{driver.JobPending, driver.JobRunning, driver.JobCompleted, driver.JobFailed, driver.JobCancelled} {
		jobs, err := p.store.ArchiveJobs().GetByStatus(ctx, status, driver.MaxLimit)
		if err != nil {
			return err
		}
		for _, job := range jobs {
			if job.EventsArchived > 0 {
				counted[job.ID] = job.EventsArchived
			}
		}
	}
	archives, err := p.archives(ctx, driver.ArchiveCompleted, driver.ArchiveRestored, driver.ArchiveDeleted)
	if err != nil {
		return err
	}
	made := map[uuid.UUID]int64{}
	for _, a := range archives {
		made[*a.JobID] += a.EventCount
	}
	if !maps.Equal(counted, made) {
		p.found(isMiscounted, uuid.Nil, "the jobs have archived %v, their archives have %v", counted, made)
	}
	return nil
}

// checkFiles finds the files that are no archive's.
func (p *places) checkFiles(archives []driver.Archive) error {
	belongs := map[string]uuid.UUID{}
	for _, a := range archives {
		for _, ending := range []string{".jsonl.zst", ".jsonl.zst.age", ".manifest.json"} {
			belongs[a.ObjectName+ending] = a.ID
		}
	}
	return filepath.WalkDir(p.Archives, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		name, err := filepath.Rel(p.Archives, path)
		if err == nil && belongs[filepath.ToSlash(name)] == uuid.Nil {
			p.found(isOrphan, uuid.Nil, "%s is no archive's", name)
		}
		return err
	})
}

// checkLeft checks what a run to the end leaves in the store: what it must, and nothing else.
func (c *archiveCrash) checkLeft(ctx context.Context) error {
	must := map[uuid.UUID]bool{}
	for _, delivery := range c.feed.open {
		must[delivery.EventID] = true
	}
	for id, event := range c.feed.known {
		if !event.processed {
			must[id] = true
		}
	}
	measure, err := c.store.Archives().Measure(ctx)
	if err == nil && measure.Events != int64(len(must)) {
		c.found(isMiscounted, uuid.Nil, "a run to the end left %d events in the store, %d must stay", measure.Events, len(must))
	}
	return err
}

// restoreAll restores every archive, twice: the second time there must be nothing left to do. The
// oldest is first, of which later ones may have events. Then it purges them, and no file must be left.
func (c *archiveCrash) restoreAll(ctx context.Context) error {
	archives, err := c.archives(ctx, driver.ArchiveCompleted)
	if err != nil {
		return err
	}
	for _, a := range slices.Backward(archives) {
		for _, want := range []int64{a.EventCount - a.RestoredCount, 0} {
			n, err := c.archiver.Restore(ctx, a.ID, nil)
			if err != nil {
				return err
			}
			if int64(n) > want {
				c.found(isDoubled, a.ID, "gave back %d events, it had %d left", n, want)
			} else if int64(n) < want {
				c.found(isLost, a.ID, "gave back %d events, it had %d left", n, want)
			}
		}
	}
	restored, err := c.archives(ctx, driver.ArchiveRestored)
	if err != nil {
		return err
	}
	for _, a := range restored {
		if err := c.archiver.Purge(ctx, a.ID); err != nil {
			return err
		}
	}
	return nil
}
