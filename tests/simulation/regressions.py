"""Seeds that once broke a law, and what was wrong. Each is run by `make test` for ever.

A seed's meaning changes when the drawing of scenarios does: what it found is then kept by the unit test that it names.
"""

from __future__ import annotations

from typing import Final

REGRESSIONS: Final = {
    571: "a stale read made a rollback believe that the secret had never been promoted (test_sim_found)",
    645: "the same, in a fleet of several consumers",
    3187: "a secret was edited while its key was pinged; the gate spoke of the moment before (test_sim_found)",
    3648: "the same, with another fleet",
    4148: "nobody could tell whether the old key was enabled again, and the question had no answer that led on",
    4384: "the same after a failed soak: the person was never told to enable the key",
    26524: "a rollback met an old key that a person had disabled, and did not say that a person must enable it",
    50713: "a stopped process archived the old key in the middle of a colleague's rollback: only abandoning is left",
    40107: "enabling the old key again was given up after six attempts, while consumers missed it",
    54: "the simulator drew an interval of nothing, which the loader refuses: a probe was repeated without a pause",
    138: "the simulator blamed the tool for an instance that appeared after the last look",
    376: "without an Admin key, a person disabled the old key and rolled back while it still answered",
    204892: "the simulator blamed the tool for readers of a secret that a person had pointed at the dead old key",
    212543: "the same, with a leaked key that nobody may enable again",
    214160: "the same, after a rollback that a person's disabling overtook",
    321703: "a process overtaken while it inspected went on to deploy once more",
    1005745: "a clock that was set back made evidence look younger: known to the law since, and told in the docs",
    1013410: "a law looked at what an overtaken process had seen before it slept",
    1015238: "an overtaken process restored what had been restored before it woke",
    1015780: "a stale read was believed: the secret had never left the old key, which was dead by then",
    1018722: "the copies lag behind somebody's own version, and not behind ours",
    1030746: "a playbook with a longer window was accepted, and believed to have had it (test_fold)",
    1044533: "the same with a longer soak",
    1034259: "the law did not know an overtaken process that takes back a promotion which had landed in time",
    1049393: "a second attempt to restore did not wait for the copies, for the old key had died meanwhile",
    32307: "the law did not know that somebody put another key into the place that is right, before it was adopted",
    1144: "the law asked for a ping of another secret's key, where the secrets held several",
    9253: "the simulator's person despaired of an instance that took a minute to terminate",
    1041066: "the law counted the intent's own moment to the evidence's age",
    2002597: "without an Admin key, a person had just enabled the old key, and it was still refused",
    4027125: "a law looked at another secret's version, for an overtaken process was not known as one",
    4075703: "a rollback asked for ever whether an archived key was enabled again; the question names the way out now",
    3005181: "the clock was set back, and a store was said to be behind for as long",
    3000492: "a person who put the replaced key back by hand, and was told to wait, did not",
    61996: "a law blamed a rotation for what one that was abandoned had left (secrets that drifted)",
    87681: "the clock was set back by hours, and a gate was looked at each second for as long (test_fold)",
    1027970: "a consumer that a person observes was made required in the soak, and nobody was asked (test_decide)",
    1066785: "a read from before the rollback made the unused key the old one (test_sim_found)",
}
