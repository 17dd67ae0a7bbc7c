package simulator

// Several vCenters over the same storage, and VMs that move from one to another: vMotion between
// vCenters, as a real one does it by logging in to the other. Put into the simulator's package by
// the build.

import (
	"context"
	"net/url"
	"time"

	"github.com/vmware/govmomi/object"
	"github.com/vmware/govmomi/session"
	"github.com/vmware/govmomi/vim25"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// SetSite makes a vCenter one of several: its hosts and VMs are its own, its datastores are those
// that all of them have.
func SetSite(site string) {
	if site == "" {
		return
	}
	for _, one := range Map.All("HostSystem") {
		host := one.(*HostSystem)
		host.configure(types.HostConnectSpec{HostName: site + "-" + host.Name}, true)
	}
	for _, one := range Map.All("VirtualMachine") {
		vm := one.(*VirtualMachine)
		vm.Name = site + "-" + vm.Name
		vm.Config.Name, vm.Summary.Config.Name = vm.Name, vm.Name
		vm.Config.InstanceUuid = newUUID(vm.Name)
		vm.Summary.Config.InstanceUuid = vm.Config.InstanceUuid
	}
	for _, one := range Map.All("Datastore") {
		store := one.(*Datastore)
		store.Summary.Url = "ds:///vmfs/volumes/shared-" + store.Name + "/"
	}
}

// leave moves a VM to another vCenter: it is made there, forgotten here, and runs there. Whatever
// fails before it is forgotten leaves it here alone. For as long as `arrive` takes, both have it.
func (vm *VirtualMachine) leave(
	ctx *Context, spec *types.VirtualMachineRelocateSpec,
) types.BaseMethodFault {
	away := context.Background()
	client, fault := visit(away, spec.Service)
	if fault != nil {
		return fault
	}
	defer func() { _ = session.NewManager(client).Logout(away) }()
	if spec.Folder == nil || spec.Pool == nil || spec.Host == nil {
		return &types.InvalidArgument{InvalidProperty: "spec"}
	}
	folder := object.NewFolder(client, *spec.Folder)
	host := object.NewHostSystem(client, *spec.Host)
	task, err := folder.CreateVM(
		away, vm.luggage(spec), object.NewResourcePool(client, *spec.Pool), host)
	if err != nil {
		return refusal(err)
	}
	made, err := task.WaitForResult(away, nil)
	if err != nil {
		return refusal(err)
	}
	time.Sleep(slow["arrive"])
	ran := vm.Runtime.PowerState == types.VirtualMachinePowerStatePoweredOn
	vm.Runtime.PowerState = types.VirtualMachinePowerStatePoweredOff
	vm.UnregisterVM(ctx, &types.UnregisterVM{This: vm.Self})
	if ran {
		there := object.NewVirtualMachine(client, made.Result.(types.ManagedObjectReference))
		if task, err = there.PowerOn(away); err == nil {
			err = task.Wait(away)
		}
		if err != nil {
			return refusal(err)
		}
	}
	return nil
}

// visit logs in to another vCenter, which must be the one that is meant.
func visit(away context.Context, to *types.ServiceLocator) (*vim25.Client, types.BaseMethodFault) {
	credential, ok := to.Credential.(*types.ServiceLocatorNamePassword)
	address, err := url.Parse(to.Url)
	if !ok || err != nil {
		return nil, &types.InvalidArgument{InvalidProperty: "spec.service"}
	}
	connection := soap.NewClient(address, false)
	connection.SetThumbprint(address.Host, to.SslThumbprint)
	client, err := vim25.NewClient(away, connection)
	if err != nil {
		return nil, &types.InvalidArgument{InvalidProperty: "spec.service.url"}
	}
	if client.ServiceContent.About.InstanceUuid != to.InstanceUuid {
		return nil, &types.InvalidArgument{InvalidProperty: "spec.service.instanceUuid"}
	}
	user := url.UserPassword(credential.Username, credential.Password)
	if err := session.NewManager(client).Login(away, user); err != nil {
		return nil, new(types.InvalidLogin)
	}
	return client, nil
}

// luggage is what a VM is made from at the other vCenter: itself, with the adapters of the spec.
func (vm *VirtualMachine) luggage(
	spec *types.VirtualMachineRelocateSpec,
) types.VirtualMachineConfigSpec {
	config := types.VirtualMachineConfigSpec{
		Name:             vm.Name,
		InstanceUuid:     vm.Config.InstanceUuid,
		Uuid:             vm.Config.Uuid,
		Annotation:       vm.Config.Annotation,
		GuestId:          vm.Config.GuestId,
		NumCPUs:          vm.Config.Hardware.NumCPU,
		MemoryMB:         int64(vm.Config.Hardware.MemoryMB),
		CpuAllocation:    vm.Config.CpuAllocation,
		MemoryAllocation: vm.Config.MemoryAllocation,
		Files:            &types.VirtualMachineFileInfo{VmPathName: vm.Config.Files.VmPathName},
	}
	for _, device := range vm.Config.Hardware.Device {
		switch one := device.(type) {
		case *types.VirtualDisk:
			config.DeviceChange = append(config.DeviceChange, &types.VirtualDeviceConfigSpec{
				Operation:     types.VirtualDeviceConfigSpecOperationAdd,
				FileOperation: types.VirtualDeviceConfigSpecFileOperationCreate,
				Device:        copied(one),
			})
		case types.BaseVirtualSCSIController:
			config.DeviceChange = append(config.DeviceChange, &types.VirtualDeviceConfigSpec{
				Operation: types.VirtualDeviceConfigSpecOperationAdd, Device: copied(device),
			})
		}
	}
	for _, change := range spec.DeviceChange {
		config.DeviceChange = append(config.DeviceChange, &types.VirtualDeviceConfigSpec{
			Operation: types.VirtualDeviceConfigSpecOperationAdd,
			Device:    change.GetVirtualDeviceConfigSpec().Device,
		})
	}
	return config
}

func refusal(err error) types.BaseMethodFault {
	if soap.IsSoapFault(err) {
		if fault, ok := soap.ToSoapFault(err).VimFault().(types.BaseMethodFault); ok {
			return fault
		}
	}
	if task, ok := err.(interface{ Fault() types.BaseMethodFault }); ok {
		return task.Fault()
	}
	return &types.GenericVmConfigFault{Reason: err.Error()}
}
