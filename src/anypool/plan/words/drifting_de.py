"""The words of reasons about what somebody changes beside us in German."""

WORDS: dict[str, str] = {
    "drift.said": "{what} (dort, um {at})",
    "drift.changed": "{said}: {changes}",
    "drift.many": "{count} {count:#weiteres wurde|weitere wurden} dort getan; sie sind nicht "
    "aufgeführt",
    "drift.gone": "nicht mehr da",
    "drift.new": "neu",
    "drift.name": "Name {before} -> {after}",
    "drift.host": "Host {before} -> {after}",
    "drift.state": "{before} -> {after}",
    "drift.vcpus": "vCPUs {before} -> {after}",
    "drift.memory": "Speicher {before} -> {after}",
    "drift.disks": "Platten {before} -> {after}",
    "drift.disk": "eine Platte ist eine andere oder anderswo",
    "drift.adapters": "Netzadapter {before} -> {after}",
    "drift.adapter": "ein Netzadapter ist ein anderer oder anderswo",
    "drift.snapshots": "Snapshots {before} -> {after}",
    "drift.shares": "Anteile, Grenzen oder Reservierungen",
    "vm.twins": "{vm} hat dieselbe Id wie {count} weitere {count:#VM|VMs}: keiner von ihnen "
    "geschieht etwas, bevor jede eine eigene Id hat",
    "vm.twin-here": "{vm} trägt die Id einer anderen VM ihrer Plattform: {others}",
    "vm.twin-elsewhere": "zwei VMs tragen die Id von {vm}: sie sind auf {hosts} und haben keine "
    "Platte gemeinsam",
    "check.platform": "{vm} käme auf {host}, einen Host einer anderen Plattform",
    "check.twins": "{vm} trägt die Id einer anderen VM: niemand kann sagen, welche gemeint ist",
    "hint.twins": "`anypool vm show` nennt die anderen; der Kopie eine eigene Id geben",
}
