package simulator

// What a pool does and govmomi's simulator of this version does not know: vMotion, standby,
// and hosts that lose touch with their vCenter. Put into its package by the build.

import (
	"time"

	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// SetIdleLimit ends sessions that nobody used for so many seconds; 0 keeps them.
func SetIdleLimit(seconds float64) {
	SessionIdleTimeout = time.Duration(seconds * float64(time.Second))
}

// isManagedEntity tells what a task may be about: pyVmomi refuses anything else.
func isManagedEntity(ref types.ManagedObjectReference) bool {
	_, entity := Map.Get(ref).(mo.Entity)
	return entity
}

// reachable returns a host that VMs can be brought to, or why it is none.
func reachable(ref *types.ManagedObjectReference) (*HostSystem, types.BaseMethodFault) {
	if ref == nil {
		return nil, &types.InvalidArgument{InvalidProperty: "host"}
	}
	host, ok := Map.Get(*ref).(*HostSystem)
	switch {
	case !ok:
		return nil, &types.ManagedObjectNotFound{Obj: *ref}
	case host.Runtime.ConnectionState != types.HostSystemConnectionStateConnected:
		return nil, new(types.HostNotConnected)
	case host.Runtime.InMaintenanceMode:
		return nil, new(types.InvalidState)
	}
	return host, nil
}

// hasDatastores tells whether a host sees all that a VM lies on.
func hasDatastores(host *HostSystem, vm *VirtualMachine) bool {
	for _, ref := range vm.Datastore {
		if FindReference(host.Datastore, ref) == nil {
			return false
		}
	}
	return true
}

// place lets a VM be on another host, in the lists of both.
func (vm *VirtualMachine) place(host *HostSystem) {
	if old := vm.Runtime.Host; old != nil {
		if source, ok := Map.Get(*old).(*HostSystem); ok {
			Map.RemoveReference(source, &source.Vm, vm.Self)
			Map.Update(source, []types.PropertyChange{{Name: "vm", Val: source.Vm}})
		}
	}
	Map.AddReference(host, &host.Vm, vm.Self)
	Map.Update(host, []types.PropertyChange{{Name: "vm", Val: host.Vm}})
	ref := host.Self
	Map.Update(vm, []types.PropertyChange{
		{Name: "runtime.host", Val: &ref},
		{Name: "summary.runtime.host", Val: &ref},
	})
}

// MigrateVMTask moves a VM to another host, as vMotion does, and posts what vCenter posts.
func (vm *VirtualMachine) MigrateVMTask(ctx *Context, req *types.MigrateVM_Task) soap.HasFault {
	task := CreateTask(vm, "migrate", func(*Task) (types.AnyType, types.BaseMethodFault) {
		if req.State != "" && req.State != vm.Runtime.PowerState {
			return nil, &types.InvalidPowerState{
				RequestedState: req.State, ExistingState: vm.Runtime.PowerState,
			}
		}
		target, fault := reachable(req.Host)
		if fault != nil {
			return nil, fault
		}
		if !hasDatastores(target, vm) {
			return nil, new(types.CannotAccessVmDisk)
		}
		source, _ := Map.Get(*vm.Runtime.Host).(*HostSystem)
		moved := &types.VmMigratedEvent{VmEvent: vm.event(), SourceHost: *source.eventArgument()}
		vm.place(target)
		if req.Pool != nil {
			Map.Update(vm, []types.PropertyChange{{Name: "resourcePool", Val: req.Pool}})
		}
		moved.VmEvent = vm.event()
		ctx.postEvent(moved)
		return nil, nil
	})
	return &methods.MigrateVM_TaskBody{
		Res: &types.MigrateVM_TaskResponse{Returnval: task.Run()},
	}
}

// RebootGuest asks a guest that is not there, which obeys at once.
func (vm *VirtualMachine) RebootGuest(ctx *Context, req *types.RebootGuest) soap.HasFault {
	body := new(methods.RebootGuestBody)
	if vm.Runtime.PowerState != types.VirtualMachinePowerStatePoweredOn {
		body.Fault_ = Fault("", &types.InvalidPowerState{
			RequestedState: types.VirtualMachinePowerStatePoweredOn,
			ExistingState:  vm.Runtime.PowerState,
		})
		return body
	}
	now := time.Now()
	Map.Update(vm, []types.PropertyChange{
		{Name: "runtime.bootTime", Val: &now}, {Name: "summary.runtime.bootTime", Val: &now},
	})
	ctx.postEvent(&types.VmGuestRebootEvent{VmEvent: vm.event()})
	body.Res = new(types.RebootGuestResponse)
	return body
}

func (h *HostSystem) show(
	connection types.HostSystemConnectionState, power types.HostSystemPowerState,
) {
	Map.Update(h, []types.PropertyChange{
		{Name: "runtime.connectionState", Val: connection},
		{Name: "runtime.powerState", Val: power},
	})
}

func (h *HostSystem) maintain(on bool) types.BaseMethodFault {
	Map.Update(h, []types.PropertyChange{{Name: "runtime.inMaintenanceMode", Val: on}})
	return nil
}

func (h *HostSystem) holdsRunning() bool {
	for _, ref := range h.Vm {
		vm, ok := Map.Get(ref).(*VirtualMachine)
		if ok && vm.Runtime.PowerState == types.VirtualMachinePowerStatePoweredOn {
			return true
		}
	}
	return false
}

// PowerDownHostToStandByTask refuses a host whose VMs run, as vCenter does.
func (h *HostSystem) PowerDownHostToStandByTask(
	ctx *Context, req *types.PowerDownHostToStandBy_Task,
) soap.HasFault {
	task := CreateTask(h, "enterStandBy", func(*Task) (types.AnyType, types.BaseMethodFault) {
		if h.holdsRunning() {
			return nil, new(types.InvalidState)
		}
		h.show(types.HostSystemConnectionStateNotResponding, types.HostSystemPowerStateStandBy)
		return nil, nil
	})
	return &methods.PowerDownHostToStandBy_TaskBody{
		Res: &types.PowerDownHostToStandBy_TaskResponse{Returnval: task.Run()},
	}
}

// PowerUpHostFromStandByTask wakes a host at once.
func (h *HostSystem) PowerUpHostFromStandByTask(
	ctx *Context, req *types.PowerUpHostFromStandBy_Task,
) soap.HasFault {
	task := CreateTask(h, "exitStandBy", func(*Task) (types.AnyType, types.BaseMethodFault) {
		h.show(types.HostSystemConnectionStateConnected, types.HostSystemPowerStatePoweredOn)
		return nil, nil
	})
	return &methods.PowerUpHostFromStandBy_TaskBody{
		Res: &types.PowerUpHostFromStandBy_TaskResponse{Returnval: task.Run()},
	}
}

// DisconnectHostTask lets vCenter look away from a host, whose VMs run on.
func (h *HostSystem) DisconnectHostTask(
	ctx *Context, req *types.DisconnectHost_Task,
) soap.HasFault {
	task := CreateTask(h, "disconnect", func(*Task) (types.AnyType, types.BaseMethodFault) {
		h.show(types.HostSystemConnectionStateDisconnected, types.HostSystemPowerStateUnknown)
		return nil, nil
	})
	return &methods.DisconnectHost_TaskBody{
		Res: &types.DisconnectHost_TaskResponse{Returnval: task.Run()},
	}
}

// ReconnectHostTask lets vCenter see a host again.
func (h *HostSystem) ReconnectHostTask(
	ctx *Context, req *types.ReconnectHost_Task,
) soap.HasFault {
	task := CreateTask(h, "reconnect", func(*Task) (types.AnyType, types.BaseMethodFault) {
		h.show(types.HostSystemConnectionStateConnected, types.HostSystemPowerStatePoweredOn)
		return nil, nil
	})
	return &methods.ReconnectHost_TaskBody{
		Res: &types.ReconnectHost_TaskResponse{Returnval: task.Run()},
	}
}

// announce tells whoever waits for changes what a reconfiguration set in silence.
func (vm *VirtualMachine) announce() {
	Map.Update(vm, []types.PropertyChange{
		{Name: "name", Val: vm.Name},
		{Name: "config.annotation", Val: vm.Config.Annotation},
		{Name: "config.uuid", Val: vm.Config.Uuid},
		{Name: "config.instanceUuid", Val: vm.Config.InstanceUuid},
		{Name: "config.hardware.numCPU", Val: vm.Config.Hardware.NumCPU},
		{Name: "config.hardware.memoryMB", Val: vm.Config.Hardware.MemoryMB},
		{Name: "config.cpuAllocation", Val: vm.Config.CpuAllocation},
		{Name: "config.memoryAllocation", Val: vm.Config.MemoryAllocation},
		{Name: "config.template", Val: vm.Config.Template},
		{Name: "resourcePool", Val: vm.ResourcePool},
	})
}

// withValue returns the values of custom attributes with one of them set anew.
func withValue(
	values []types.BaseCustomFieldValue, value *types.CustomFieldStringValue,
) []types.BaseCustomFieldValue {
	kept := []types.BaseCustomFieldValue{}
	for _, one := range values {
		if one.GetCustomFieldValue().Key != value.Key {
			kept = append(kept, one)
		}
	}
	return append(kept, value)
}

// valueChanged is what vCenter posts when somebody sets a custom attribute.
func valueChanged(
	ctx *Context, entity *mo.ManagedEntity, field *types.CustomFieldDef,
	value *types.CustomFieldStringValue,
) types.BaseEvent {
	said := &types.CustomFieldValueChangedEvent{
		Entity: types.ManagedEntityEventArgument{
			EntityEventArgument: types.EntityEventArgument{Name: entity.Name},
			Entity:              entity.Self,
		},
		FieldKey: field.Key,
		Name:     field.Name,
		Value:    value.Value,
	}
	said.FullFormattedMessage = "Changed custom field " + field.Name + " on " + entity.Name +
		" to '" + value.Value + "'"
	return said
}
