"""What is mended in govmomi's simulator: exact pieces of its source, and what they become.

Each mends a difference to a real vCenter that would make a client look wrong. Debian's files
stay as they are: the compiler is given mended copies.
"""

from anypool.errors import NotSupported
from anypool.lab.vcsim.repair import Repair
from anypool.lab.vcsim.repairs_of_deeds import DEEDS

REPAIRS = (
    *DEEDS,
    # A property that is not set was answered by the end of the simulator.
    Repair(
        "property_collector.go",
        "\tif len(obj.PropSet) == 0 {\n\t\tfault :=",
        "\tif len(obj.PropSet) == 0 && len(obj.MissingSet) == 0 {\n"
        "\t\tbody.Res = new(internal.FetchResponse)\n\t\treturn body\n\t}\n"
        "\tif len(obj.PropSet) == 0 {\n\t\tfault :=",
    ),
    # Changes were gathered for a quarter of a second, and everything was collected again for
    # each single one of them.
    Repair(
        "property_collector.go",
        "time.NewTicker(250 * time.Millisecond)",
        "time.NewTicker(20 * time.Millisecond)",
    ),
    Repair(
        "property_collector.go",
        "\t\t\tfor _, f := range pc.Filter {\n"
        "\t\t\t\tfilter := ctx.Session.Get(f).(*PropertyFilter)\n"
        "\t\t\t\tfu :=",
        "\t\t\tif !apply() {\n\t\t\t\treturn body\n\t\t\t}\n"
        "\t\t\tfor _, f := range pc.Filter {\n"
        "\t\t\t\tfilter := ctx.Session.Get(f).(*PropertyFilter)\n"
        "\t\t\t\tfu :=",
    ),
    Repair(
        "property_collector.go",
        "\t\t\t\t\tcase types.ObjectUpdateKindEnter: // Create\n"
        "\t\t\t\t\t\tif !apply() {\n\t\t\t\t\t\t\treturn body\n\t\t\t\t\t\t}\n",
        "",
    ),
    Repair(
        "property_collector.go",
        "\t\t\t\t\t\tif !apply() { // An update may apply to collector traversal specs\n"
        "\t\t\t\t\t\t\treturn body\n\t\t\t\t\t\t}\n",
        "",
    ),
    # A task may be about an entity of the inventory only.
    Repair(
        "task.go",
        "\ttask.Info.Entity = &ref\n",
        "\tif isManagedEntity(ref) {\n\t\ttask.Info.Entity = &ref\n\t}\n",
    ),
    # A nil pointer in a change is no value.
    Repair(
        "registry.go",
        "\t\t\trval := reflect.ValueOf(changes[i].Val)\n",
        "\t\t\trval := reflect.ValueOf(changes[i].Val)\n"
        "\t\t\tif rval.Kind() == reflect.Ptr && rval.IsNil() {\n"
        "\t\t\t\tchanges[i].Val = nil\n\t\t\t\tcontinue\n\t\t\t}\n",
    ),
    # Whoever browses a datastore need not say what for.
    Repair(
        "host_datastore_browser.go",
        "\tp, fault := parseDatastorePath(s.DatastorePath)\n",
        "\tif s.SearchSpec == nil {\n"
        "\t\ts.SearchSpec = new(types.HostDatastoreBrowserSearchSpec)\n\t}\n"
        "\tif len(s.SearchSpec.MatchPattern) == 0 {\n"
        '\t\ts.SearchSpec.MatchPattern = []string{"*"}\n\t}\n'
        "\tp, fault := parseDatastorePath(s.DatastorePath)\n",
    ),
    # A change of a VM that is gone since ended the conversation.
    Repair(
        "property_filter.go",
        "\t\t\t\tkind = getManagedObject(ctx.Map.Get(ref)).Type()\n",
        "\t\t\t\tobj := ctx.Map.Get(ref)\n\t\t\t\tif obj == nil {\n"
        "\t\t\t\t\treturn false\n\t\t\t\t}\n"
        "\t\t\t\tkind = getManagedObject(obj).Type()\n",
    ),
    # An event whose words cannot be formed is one without words.
    Repair(
        "event_manager.go",
        "\t\t\t\tt = template.Must(template.New(id).Parse(info.FullFormat))\n"
        "\t\t\t\tm.templates[id] = t\n",
        "\t\t\t\tmade, err := template.New(id).Parse(info.FullFormat)\n"
        "\t\t\t\tif err != nil {\n\t\t\t\t\tbreak\n\t\t\t\t}\n"
        "\t\t\t\tt = made\n\t\t\t\tm.templates[id] = t\n",
    ),
    # Changes that nobody was told of.
    Repair(
        "host_system.go",
        "\t\th.Runtime.InMaintenanceMode = true\n\t\treturn nil, nil\n",
        "\t\treturn nil, h.maintain(true)\n",
    ),
    Repair(
        "host_system.go",
        "\t\th.Runtime.InMaintenanceMode = false\n\t\treturn nil, nil\n",
        "\t\treturn nil, h.maintain(false)\n",
    ),
    Repair(
        "virtual_machine.go",
        "\t\terr := vm.configure(&req.Spec)\n\n\t\treturn nil, err\n",
        "\t\terr := vm.configure(&req.Spec)\n\t\tvm.announce()\n\n\t\treturn nil, err\n",
    ),
    Repair(
        "virtual_machine.go",
        "\tr.Res = new(types.MarkAsTemplateResponse)\n",
        "\tvm.announce()\n\tr.Res = new(types.MarkAsTemplateResponse)\n",
    ),
    Repair(
        "virtual_machine.go",
        "\tr.Res = new(types.MarkAsVirtualMachineResponse)\n",
        "\tvm.announce()\n\tr.Res = new(types.MarkAsVirtualMachineResponse)\n",
    ),
    # A custom attribute had all the values that it ever had, and nobody was told.
    Repair(
        "custom_fields_manager.go",
        "\t\tentity.CustomValue = append(entity.CustomValue, newValue)\n"
        "\t\tentity.Value = append(entity.Value, newValue)\n\t})\n",
        "\t\tentity.CustomValue = withValue(entity.CustomValue, newValue)\n"
        "\t\tentity.Value = withValue(entity.Value, newValue)\n\t})\n"
        "\tMap.Update(Map.Get(req.Entity), []types.PropertyChange{\n"
        '\t\t{Name: "customValue", Val: entity.CustomValue},\n\t})\n'
        "\tctx.postEvent(valueChanged(ctx, entity, field, newValue))\n",
    ),
    # A custom attribute of everything had a type that is none.
    Repair(
        "custom_fields_manager.go",
        "\t\tType:                    req.MoType,\n",
        '\t\tType:                    "xsd:string",\n',
    ),
)


def repaired(file: str, source: str) -> str:
    """Return a file of the simulator with all its repairs; raise `NotSupported` if one misses.

    Another version of the simulator may need others.
    """
    for repair in REPAIRS:
        if repair.file != file:
            continue
        if source.count(repair.before) != 1:
            raise NotSupported(
                f"this version of govmomi's simulator has another {file}",
                hint="Debian 12 has the version that is known: 0.24.2",
            )
        source = source.replace(repair.before, repair.after)
    return source
