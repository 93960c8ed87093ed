// SPDX-License-Identifier: Apache-2.0

package plugreg

import (
	"context"
	"errors"
)

// Class is what kind of failure an error is: what the breaker makes of it, and whether the call may be retried.
type Class uint8

// The classes that [SandboxConfig].Classify may return.
const (
	// ClassAuto leaves it to the built-in rules: an error that [CallerError] marked is ClassCallerFault, one that
	// matches a *[RejectedError] is ClassDependency, one that matches [ErrContract] is ClassContractFault, one that
	// comes of the caller's own context is ClassCallerFault, all else is ClassFailure.
	ClassAuto Class = iota
	// ClassCallerFault is neutral: the caller's input or its leaving is to blame.
	ClassCallerFault
	// ClassRecoverable is a failure that may be retried, see [RetryConfig].
	ClassRecoverable
	// ClassFailure is one that is retried only where [RetryConfig].RetryIf says so.
	ClassFailure
	// ClassDependency is neutral: something that the plugin needs refused to serve it.
	ClassDependency
	// ClassContractFault is a failure: what was returned does not fit the contract.
	ClassContractFault
	// ClassFatal is a failure that disables the plugin at once, until [Sandbox.Enable].
	ClassFatal
)

// classNames are those that documents and logs show.
func classNames() []string {
	return []string{"auto", "caller-fault", "recoverable", "failure", "dependency", "contract-fault", "fatal"}
}

// String returns the class's name, such as "caller-fault".
func (c Class) String() string { return enumText(classNames(), c, "class") }

// fails says that the class counts against the plugin.
func (c Class) fails() bool { return c != ClassAuto && c != ClassCallerFault && c != ClassDependency }

// CallerError marks err as the caller's fault, such as input that does not make sense: it is neutral for the breaker,
// and is what it was for everything else, counts and codes included. It returns nil for nil.
func CallerError(err error) error {
	if err == nil {
		return nil
	}
	return &callerError{err}
}

type callerError struct{ err error }

func (e *callerError) Error() string { return e.err.Error() }

func (e *callerError) Unwrap() error { return e.err }

// classOf applies the built-in rules to what plugin code returned. parent is the caller's context.
func classOf(parent context.Context, err error) Class {
	if _, ok := errors.AsType[*callerError](err); ok {
		return ClassCallerFault
	}
	if _, ok := errors.AsType[*RejectedError](err); ok { // its own refusals never come here
		return ClassDependency
	}
	if end := parent.Err(); end != nil && (errors.Is(err, end) || errors.Is(err, context.Canceled) || errors.Is(err, context.Cause(parent))) {
		return ClassCallerFault
	}
	if errors.Is(err, ErrContract) {
		return ClassContractFault
	}
	return ClassFailure
}

// asked is what the host's function says of err, ClassAuto where it panics.
func (s *Sandbox) asked(err error) (c Class) {
	defer func() {
		if recover() != nil {
			c = ClassAuto
		}
	}()
	if c = s.cfg.Classify(err); c > ClassFatal {
		c = ClassAuto
	}
	return c
}
