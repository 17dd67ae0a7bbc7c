"""The words of reasons about servers that become hosts, in English."""

WORDS: dict[str, str] = {
    "aim.make-host": "make {server} a host of the pool, as {profile}",
    "aim.retire-host": "take the host {profile} out of the pool and switch {server} off",
    "step.join-host": "take {profile}, which {server} is now, into the pool as a host: {uri}",
    "step.leave-host": "forget {server} as a host",
    "join.answers": "once it answers as {profile}, with the host key made for it, and for no other",
    "join.rejoins": "{host} is the same host, on {server} now; its VMs are where they were",
    "join.as-others": "it is to reach what {count:#the other host|all others} of its pool "
    "can reach",
    "join.first": "it is the first host of its pool: nothing is asked of it",
    "join.runs-there": "it is to run on {server}",
    "join.empty": "nothing runs on {server} and nothing is defined there",
    "join.is-host": "{server} is a host already",
    "join.no-host": "{server} is no host",
    "join.no-hypervisor": "{profile} boots no hypervisor",
    "join.no-address": "{profile} has no address",
    "join.no-image": "{profile} has no image to boot",
    "join.borne": "{server} has {profile} already",
    "join.other-way": "{server} is reached by {endpoint}, which the profile did not make",
    "join.has-vms": "{vms} {count:#is|are} defined on {server} and would be lost",
    "join.unknown-host": "{server} does not answer as a host",
    "no.make-host": "{profile} makes no host: {why}",
    "no.retire-host": "{server} cannot leave the pool: {why}",
    "hint.make-host": "`anypool profile edit NAME --hypervisor --ip ADDRESS --image IMAGE`",
    "hint.retire-host": "move or delete these VMs, or `anypool host remove` and take the profile "
    "away by hand",
    "hint.is-host": "`anypool server retire-host` takes it out of the pool",
    "run.not-joined": "{server} is not a host yet",
    "run.no-host-key": "the boot host of {server} has no host key for this epoch; renew it with "
    "`anypool boot-service install`",
    "run.joined-otherwise": "{server} is a host already, by {endpoint}",
    "run.answers-before": "{server}, which was this host before, still answers",
    "run.vms-left": "it comes without {vms}, which {count:#was|were} there before: is its disk the "
    "same? They can be started elsewhere, or deleted",
    "run.joined-other": "{server} runs VMs of {has}, those of the pool are of {needs}",
    "check.joins-unborne": "{server} would be a host without the profile that makes it one",
    "check.joins-off": "{server} would be a host while it is off",
    "check.joins-twice": "{server} is a host already",
    "check.leaves-open": "{server} would be forgotten while it is open for VMs",
    "check.leaves-vms": "{server} would be forgotten with {count} {count:#VM|VMs}",
    "aim.because": "{aim}: {why}",
    "replenish.replaces": "it replaces {host}, dead for {ago}; proof: {proof}",
    "replenish.overload": "the hosts together have been more than {limit} % busy for {held}, now "
    "{busy} %: no move among them helps",
    "replenish.returned": "{host}, which {server} stands for, is back, and without {server} the "
    "hosts would be {busy} % busy",
    "replenish.quiet": "without {server} the hosts would be {busy} % busy",
    "replenish.enough": "{count} {count:#host is|hosts are} open, {busy} % busy together: that is "
    "enough",
    "replenish.may-return": "{host} is dead; it is replaced if it is not back {after} after its "
    "death",
    "replenish.asks": "{hosts} {hosts:#host|hosts} silent, and nothing proves yet that "
    "{hosts:#it is|they are} dead",
    "replenish.hold": "the hosts are {busy} % busy; a spare joins once that has been for {hold}",
    "replenish.hold-back": "a host more than needed is there; it is given back once that has been "
    "for {hold}",
    "replenish.cold": "this manager has just begun: it only looks for {left}",
    "replenish.dark": "{dark} of {all} hosts are silent: that is more than their own failure",
    "replenish.cap": "{count} {count:#spare|spares} joined within a day: that is enough",
    "replenish.rests": "the last plan has just ended; none is made for {rest}",
    "replenish.no-profile": "a host is missing: {need}; no free profile of {pool} boots a "
    "hypervisor",
    "replenish.no-spare": "a host is missing: {need}; {why}",
    "replenish.stays": "a host more than needed stays: {why}",
}
