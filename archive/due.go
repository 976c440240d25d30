package archive

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

// RunDue runs the rules that are due, one after the other, and returns how many. Call it every minute, in as
// many processes as you like: each rule is run by one of them. What fails is in the rule's job and in the
// error; the other rules run nevertheless, and the rule is due again as its Schedule says. One that was
// stopped by the end of the context, or that this Archiver has no storage or keys for, is left to others: it
// is due once its lease is over.
func (a *Archiver) RunDue(ctx context.Context) (int, error) {
	ran := 0
	var failures error
	for ctx.Err() == nil {
		due, err := a.store.ArchiveRules().ClaimDue(ctx, 1, a.opts.Lease)
		if err != nil {
			return ran, errors.Join(failures, err)
		}
		if len(due) == 0 {
			return ran, failures
		}
		failures = errors.Join(failures, a.runClaimed(ctx, due[0]))
		ran++
	}
	return ran, errors.Join(failures, a.fail("RunDue", uuid.Nil, ctx.Err()))
}

// runClaimed runs a rule under its lease, and ends that, unless somebody else is to run the rule when the lease
// is over: because the context ended, or because this Archiver has not what the rule needs.
func (a *Archiver) runClaimed(ctx context.Context, rule driver.ArchiveRule) error {
	rules := a.store.ArchiveRules()
	leased, stop := a.keeping(ctx, func(ctx context.Context) error {
		return rules.Extend(ctx, rule.ID, *rule.LeaseToken, a.opts.Lease)
	})
	defer stop()
	_, err := a.Run(leased, rule)
	err = lostBy(leased, err)
	if ctx.Err() != nil || errors.Is(err, driver.ErrInvalid) {
		return err
	}
	_, failed := rules.Ran(ctx, rule.ID, *rule.LeaseToken)
	return errors.Join(err, failed)
}
