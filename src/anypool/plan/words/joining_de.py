"""The words of reasons about servers that become hosts, in German."""

WORDS: dict[str, str] = {
    "aim.make-host": "{server} als {profile} zu einem Host des Pools machen",
    "aim.retire-host": "den Host {profile} aus dem Pool nehmen und {server} ausschalten",
    "step.join-host": "{profile}, das {server} jetzt ist, als Host in den Pool nehmen: {uri}",
    "step.leave-host": "{server} als Host vergessen",
    "join.answers": "sobald er als {profile} antwortet, mit dem dafür gemachten Host-Schlüssel und "
    "keinem anderen",
    "join.rejoins": "{host} ist derselbe Host, jetzt auf {server}; seine VMs sind, wo sie waren",
    "join.as-others": "er soll erreichen, was {count:#der andere Host|jeder andere Host} des Pools "
    "erreicht",
    "join.first": "er ist der erste Host seines Pools: nichts wird von ihm verlangt",
    "join.runs-there": "sie soll auf {server} laufen",
    "join.empty": "auf {server} läuft nichts und ist nichts definiert",
    "join.is-host": "{server} ist schon ein Host",
    "join.no-host": "{server} ist kein Host",
    "join.no-hypervisor": "{profile} bootet keinen Hypervisor",
    "join.no-address": "{profile} hat keine Adresse",
    "join.no-image": "{profile} hat kein Image zum Booten",
    "join.borne": "{server} trägt {profile} schon",
    "join.other-way": "{server} wird über {endpoint} erreicht, was nicht durch das Profil entstand",
    "join.has-vms": "{vms} {count:#ist|sind} auf {server} definiert und {count:#ginge|gingen} "
    "verloren",
    "join.unknown-host": "{server} antwortet nicht als Host",
    "no.make-host": "{profile} macht keinen Host: {why}",
    "no.retire-host": "{server} kann den Pool nicht verlassen: {why}",
    "hint.make-host": "`anypool profile edit NAME --hypervisor --ip ADRESSE --image IMAGE`",
    "hint.retire-host": "diese VMs umziehen oder löschen, oder `anypool host remove` und das "
    "Profil von Hand wegnehmen",
    "hint.is-host": "`anypool server retire-host` nimmt ihn aus dem Pool",
    "run.not-joined": "{server} ist noch kein Host",
    "run.no-host-key": "der Boot-Host von {server} hat keinen Host-Schlüssel für diese Epoche; "
    "erneuern mit `anypool boot-service install`",
    "run.joined-otherwise": "{server} ist schon ein Host, über {endpoint}",
    "run.answers-before": "{server}, der vorher dieser Host war, antwortet noch",
    "run.vms-left": "er kommt ohne {vms}, {count:#die dort war|die dort waren}: ist seine Platte "
    "dieselbe? Sie können anderswo gestartet oder gelöscht werden",
    "run.joined-other": "auf {server} laufen VMs von {has}, die des Pools sind von {needs}",
    "check.joins-unborne": "{server} würde Host ohne das Profil, das ihn dazu macht",
    "check.joins-off": "{server} würde Host, während er aus ist",
    "check.joins-twice": "{server} ist schon ein Host",
    "check.leaves-open": "{server} würde vergessen, während er für VMs offen ist",
    "check.leaves-vms": "{server} würde mit {count} {count:#VM|VMs} vergessen",
    "aim.because": "{aim}: {why}",
    "replenish.replaces": "er ersetzt {host}, tot seit {ago}; Beweis: {proof}",
    "replenish.overload": "die Hosts sind zusammen seit {held} zu mehr als {limit} % ausgelastet, "
    "jetzt zu {busy} %: Verschieben unter ihnen hilft nicht",
    "replenish.returned": "{host}, für den {server} steht, ist zurück, und ohne {server} wären die "
    "Hosts zu {busy} % ausgelastet",
    "replenish.quiet": "ohne {server} wären die Hosts zu {busy} % ausgelastet",
    "replenish.enough": "{count} {count:#Host ist|Hosts sind} offen, zusammen zu {busy} % "
    "ausgelastet: das genügt",
    "replenish.may-return": "{host} ist tot; er wird ersetzt, wenn er {after} nach seinem Tod "
    "nicht zurück ist",
    "replenish.asks": "{hosts} {hosts:#Host schweigt|Hosts schweigen}, und noch beweist nichts, "
    "dass {hosts:#er|sie} tot {hosts:#ist|sind}",
    "replenish.hold": "die Hosts sind zu {busy} % ausgelastet; ein Reserveserver kommt dazu, wenn "
    "das {hold} lang so ist",
    "replenish.hold-back": "es gibt einen Host mehr als nötig; er wird zurückgegeben, wenn das "
    "{hold} lang so ist",
    "replenish.cold": "dieser Manager hat gerade begonnen: er schaut {left} lang nur zu",
    "replenish.dark": "{dark} von {all} Hosts schweigen: das ist mehr als ihr eigener Ausfall",
    "replenish.cap": "{count} {count:#Reserveserver kam|Reserveserver kamen} am letzten Tag dazu: "
    "das genügt",
    "replenish.rests": "der letzte Plan ist gerade zu Ende; {rest} lang folgt keiner",
    "replenish.no-profile": "ein Host fehlt: {need}; kein freies Profil von {pool} bootet einen "
    "Hypervisor",
    "replenish.no-spare": "ein Host fehlt: {need}; {why}",
    "replenish.stays": "ein Host mehr als nötig bleibt: {why}",
}
