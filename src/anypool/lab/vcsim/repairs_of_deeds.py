"""More repairs of the simulator: of what is done there, not of what is read."""

from anypool.lab.vcsim.repair import Repair

DEEDS = (
    # A VM never left its vCenter, whatever was asked.
    Repair(
        "virtual_machine.go",
        "\t\tvar changes []types.PropertyChange\n\n"
        "\t\tif ref := req.Spec.Datastore; ref != nil {\n",
        "\t\tif req.Spec.Service != nil {\n\t\t\treturn nil, vm.leave(ctx, &req.Spec)\n\t\t}\n"
        "\t\tvar changes []types.PropertyChange\n\n"
        "\t\tif ref := req.Spec.Datastore; ref != nil {\n",
    ),
    # Tasks took no time, and could not be cancelled.
    Repair(
        "task.go",
        "\tres, err := t.Execute(t)\n",
        "\tif takes := t.takes(); takes > 0 {\n"
        "\t\tgo t.crawl(takes)\n\t\treturn t.Self\n\t}\n"
        "\treturn t.end(t.Execute(t))\n}\n\n"
        "func (t *Task) end(\n\tres types.AnyType, err types.BaseMethodFault,\n"
        ") types.ManagedObjectReference {\n",
    ),
    Repair("task.go", "\tnow = time.Now()\n", "\tnow := time.Now()\n"),
    Repair(
        "task.go",
        "\tExecute func(*Task) (types.AnyType, types.BaseMethodFault)\n}\n",
        "\tExecute func(*Task) (types.AnyType, types.BaseMethodFault)\n\n\tcancelled int32\n}\n",
    ),
    # Everybody was allowed everything.
    Repair(
        "simulator.go",
        "\t// Lowercase methods can't be accessed outside their package\n",
        "\tif fault := denied(method); fault != nil {\n"
        '\t\treturn &serverFaultBody{Reason: Fault("", fault)}\n\t}\n\n'
        "\t// Lowercase methods can't be accessed outside their package\n",
    ),
    # A clone took the disks of its source away, and was made where that is, without notes.
    Repair(
        "virtual_machine.go",
        "\t\t\tswitch disk := device.(type) {\n",
        "\t\t\tdevice = copied(device)\n\t\t\tswitch disk := device.(type) {\n",
    ),
    Repair(
        "virtual_machine.go",
        "\t\tconfig.VirtualSMCPresent = vm.Config.Hardware.VirtualSMCPresent\n",
        "\t\tconfig.VirtualSMCPresent = vm.Config.Hardware.VirtualSMCPresent\n"
        "\t\twished(&config, req)\n",
    ),
    Repair(
        "virtual_machine.go",
        "\t\t\tHost:   vm.Runtime.Host,\n\t\t})\n",
        "\t\t\tHost:   destination(vm, req),\n\t\t})\n",
    ),
    # A VM that was relocated was in no list, and its disks stayed where they were.
    Repair(
        "virtual_machine.go",
        "\t\tMap.Update(vm, changes)\n\n\t\treturn nil, nil\n\t})\n\n"
        "\treturn &methods.RelocateVM_TaskBody{\n",
        "\t\tif ref := req.Spec.Host; ref != nil {\n"
        "\t\t\thost, fault := reachable(ref)\n\t\t\tif fault != nil {\n"
        "\t\t\t\treturn nil, fault\n\t\t\t}\n\t\t\tvm.place(host)\n\t\t}\n"
        "\t\tif ref := req.Spec.Datastore; ref != nil {\n\t\t\tvm.putOn(*ref)\n\t\t}\n"
        "\t\tMap.Update(vm, changes)\n\n\t\treturn nil, nil\n\t})\n\n"
        "\treturn &methods.RelocateVM_TaskBody{\n",
    ),
    # What a cluster decides by itself was not kept, and nobody was told of its rules.
    Repair(
        "cluster_compute_resource.go",
        "\t\t\tc.updateOverridesDRS,\n",
        "\t\t\tc.updateOverridesDRS,\n\t\t\tc.configured,\n",
    ),
    # A snapshot did not bring back whether the VM ran.
    Repair(
        "snapshot.go",
        '\t\t\t\t{Name: "snapshot.currentSnapshot", Val: v.Self},\n\t\t\t})\n',
        '\t\t\t\t{Name: "snapshot.currentSnapshot", Val: v.Self},\n\t\t\t})\n'
        "\t\t\tvm.returned(v.Self)\n",
    ),
)
"""As `repairs.REPAIRS`."""
