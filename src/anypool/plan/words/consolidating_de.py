"""The words of reasons about consolidation in German."""

WORDS: dict[str, str] = {
    "aim.consolidate": "{name} verdichten: {before} -> {after} Hosts; {told}",
    "aim.consolidated": "{name} verdichten: kein Host lässt sich räumen, {hosts} "
    "{hosts:#Host wird|Hosts werden} gebraucht; {told}",
    "consolidate.bound": "keine Verteilung kommt mit weniger als {bound} "
    "{bound:#Host|Hosts} aus (Lücke {gap} %)",
    "consolidate.least": "keine Verteilung kommt mit weniger aus",
    "consolidate.empty": "danach leer: {hosts}",
    "consolidate.stopped-vms": "{count} gestoppte {count:#VM bleibt|VMs bleiben} dort definiert",
    "consolidate.unmeasured": "{count} {count:#VM wurde|VMs wurden} in weniger als {least} Stunden "
    "gemessen und {count:#zählt|zählen} mit allen virtuellen CPUs als beschäftigt: {vms}",
    "consolidate.partly": "von {count} {count:#VM|VMs} sind Stunden der Woche unbekannt und zählen "
    "wie die lebhafteste bekannte",
    "consolidate.cut-off": "die Zeit war um, bevor jeder Host versucht war",
    "consolidate.saves": "spart mindestens {kwh} kWh im Monat, sobald sie aus sind",
    "consolidate.money": "das sind {amount} {currency} im Monat",
    "consolidate.co2": "und {kg} kg CO2",
    "consolidate.no-watts": "niemand kennt die Leistungsaufnahme von {count} davon: {hosts}",
    "consolidate.moves": "kostet {move_seconds} "
    "{move_seconds:#Migrationssekunde|Migrationssekunden} in {count} "
    "{count:#Migration|Migrationen} von {memory}",
    "consolidate.survives": "{failures} {failures:#Ausfall wird|Ausfälle werden} auch ohne sie "
    "überstanden",
    "consolidate.no-survival": "{failures} {failures:#Ausfall wurde|Ausfälle wurden} vorher nicht "
    "überstanden und {failures:#wird|werden} es jetzt nicht, verloren gehen nicht mehr VMs",
    "consolidate.empties": "räumt {host}; {target} ist dann in der lebhaftesten Stunde, {when}, zu "
    "{busy} % beschäftigt",
    "consolidate.makes-room": "macht Platz für {vm}; {target} ist dann in der lebhaftesten Stunde, "
    "{when}, zu {busy} % beschäftigt",
    "consolidate.closed": "bleibt leer, bis er wieder geöffnet wird",
    "consolidate.busy": "wäre {when} zu {busy} % beschäftigt, erlaubt sind {limit} %",
    "consolidate.limit": "eine Regel lässt hier keinen Platz mehr",
    "consolidate.emptied": "soll selbst leer werden",
    "consolidate.other": "von ihm blieben {left} % frei, vom gewählten Host {best} %",
    "consolidate.alone": "{vm} soll von der Automatik nicht angefasst werden",
    "consolidate.cannot-leave": "{host} lässt sich nicht räumen: {why}",
    "consolidate.no-place": "{host} lässt sich nicht räumen: kein anderer benutzter Host nimmt "
    "auch noch diese VM",
    "consolidate.needed": "{host} wird nicht geräumt, nach einem Ausfall wird er gebraucht: {why}",
    "hardware.as-it-is": "wie es ist",
    "hardware.fewest": "die wenigsten dieser Hosts",
    "hardware.mixed": "die günstigste Mischung",
    "hardware.kept": "die Hosts, die bleiben",
    "hardware.left": "{count} {count:#VM findet|VMs finden} keinen Platz: {vms}",
    "hardware.rules": "neue Server stehen in keinem Schrank, nach diesen Richtlinien werden sie "
    "nicht gefragt: {policies}",
    "hardware.stuck": "{count} {count:#VM|VMs} auf Hosts, die gehen, {count:#kann|können} im "
    "Betrieb nicht migrieren: {vms}",
    "hardware.no-watts": "niemand kennt die Leistungsaufnahme von {count} {count:#Host|Hosts} "
    "und damit die des Pools: {hosts}",
    "hardware.no-price": "niemand hat gesagt, was eine kWh kostet",
}
