package simulator

// Deeds as a real vCenter does them: tasks that take their time and can be cancelled, clones that
// leave their source alone, snapshots that bring a VM back as it was, and refusals for lack of
// a privilege. Put into the simulator's package by the build.

import (
	"reflect"
	"strings"
	"sync/atomic"
	"time"

	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

var slow = map[string]time.Duration{}
var forbidden = map[string]bool{}

// SetSlow lets tasks of a kind, such as `migrate`, take so many seconds.
func SetSlow(kind string, seconds float64) {
	slow[kind] = time.Duration(seconds * float64(time.Second))
}

// SetForbidden lets a method, such as `PowerOnVM_Task`, be refused for lack of a privilege.
func SetForbidden(method string) {
	forbidden[method] = true
}

func denied(method *Method) types.BaseMethodFault {
	if !forbidden[method.Name] {
		return nil
	}
	return &types.NoPermission{Object: method.This, PrivilegeId: "Forbidden." + method.Name}
}

func (t *Task) takes() time.Duration {
	kind := t.Info.DescriptionId
	return slow[kind[strings.LastIndex(kind, ".")+1:]]
}

const parts = 10

// crawl does what a task is for after its time, unless it is cancelled before.
func (t *Task) crawl(takes time.Duration) {
	t.Info.Cancelable = true
	for part := int32(1); part <= parts; part++ {
		time.Sleep(takes / parts)
		if atomic.LoadInt32(&t.cancelled) != 0 {
			t.end(nil, new(types.RequestCanceled))
			return
		}
		Map.Update(t, []types.PropertyChange{{Name: "info.progress", Val: part * 100 / parts}})
	}
	var res types.AnyType
	var err types.BaseMethodFault
	work := func() { res, err = t.Execute(t) }
	if entity := t.Info.Entity; entity != nil && Map.Get(*entity) != nil {
		Map.WithLock(Map.Get(*entity), work)
	} else {
		work()
	}
	t.end(res, err)
}

// CancelTask ends a task that waits for its time; others are over.
func (t *Task) CancelTask(ctx *Context, req *types.CancelTask) soap.HasFault {
	body := new(methods.CancelTaskBody)
	if t.Info.State != types.TaskInfoStateRunning {
		body.Fault_ = Fault("", new(types.InvalidState))
		return body
	}
	atomic.StoreInt32(&t.cancelled, 1)
	body.Res = new(types.CancelTaskResponse)
	return body
}

// copied returns a device that can be changed without changing the one it was made from.
func copied(device types.BaseVirtualDevice) types.BaseVirtualDevice {
	made := reflect.New(reflect.TypeOf(device).Elem())
	made.Elem().Set(reflect.ValueOf(device).Elem())
	result := made.Interface().(types.BaseVirtualDevice)
	if disk, ok := result.(*types.VirtualDisk); ok {
		if backing, ok := disk.Backing.(*types.VirtualDiskFlatVer2BackingInfo); ok {
			own := *backing
			disk.Backing = &own
		}
	}
	return result
}

// wished is a clone's configuration where it is to differ from its source's.
func wished(config *types.VirtualMachineConfigSpec, req *types.CloneVM_Task) {
	if own := req.Spec.Config; own != nil {
		config.Annotation = own.Annotation
		if own.NumCPUs != 0 {
			config.NumCPUs = own.NumCPUs
		}
		if own.MemoryMB != 0 {
			config.MemoryMB = own.MemoryMB
		}
		config.CpuAllocation, config.MemoryAllocation = own.CpuAllocation, own.MemoryAllocation
	}
}

func destination(vm *VirtualMachine, req *types.CloneVM_Task) *types.ManagedObjectReference {
	if host := req.Spec.Location.Host; host != nil {
		return host
	}
	return vm.Runtime.Host
}

// putOn notes that a VM lies on a datastore with all of its disks, and on no other.
func (vm *VirtualMachine) putOn(ref types.ManagedObjectReference) {
	store, ok := Map.Get(ref).(*Datastore)
	if !ok {
		return
	}
	for _, old := range vm.Datastore {
		if before, ok := Map.Get(old).(*Datastore); ok {
			Map.RemoveReference(before, &before.Vm, vm.Self)
		}
	}
	Map.AddReference(store, &store.Vm, vm.Self)
	var devices []types.BaseVirtualDevice
	for _, device := range vm.Config.Hardware.Device {
		own := copied(device)
		if disk, ok := own.(*types.VirtualDisk); ok {
			if backing, ok := disk.Backing.(*types.VirtualDiskFlatVer2BackingInfo); ok {
				_, path, _ := cut(backing.FileName, "] ")
				backing.FileName = "[" + store.Name + "] " + path
				backing.Datastore = &store.Self
			}
		}
		devices = append(devices, own)
	}
	Map.Update(vm, []types.PropertyChange{{Name: "config.hardware.device", Val: devices}})
}

func cut(text, mark string) (string, string, bool) {
	if at := strings.Index(text, mark); at >= 0 {
		return text[:at], text[at+len(mark):], true
	}
	return "", text, false
}

// returned lets a VM run, or not, as it did when a snapshot was taken.
func (vm *VirtualMachine) returned(snapshot types.ManagedObjectReference) {
	if taken := findSnapshotInTree(vm.Snapshot.RootSnapshotList, snapshot); taken != nil {
		Map.Update(vm, []types.PropertyChange{
			{Name: "runtime.powerState", Val: taken.State},
			{Name: "summary.runtime.powerState", Val: taken.State},
		})
	}
}

// RenameSnapshot changes what a snapshot is called and how it is described.
func (v *VirtualMachineSnapshot) RenameSnapshot(
	ctx *Context, req *types.RenameSnapshot,
) soap.HasFault {
	vm := Map.Get(v.Vm).(*VirtualMachine)
	if taken := findSnapshotInTree(vm.Snapshot.RootSnapshotList, v.Self); taken != nil {
		if req.Name != "" {
			taken.Name = req.Name
		}
		taken.Description = req.Description
		Map.Update(vm, []types.PropertyChange{
			{Name: "snapshot.rootSnapshotList", Val: vm.Snapshot.RootSnapshotList},
		})
	}
	return &methods.RenameSnapshotBody{Res: new(types.RenameSnapshotResponse)}
}

// configured keeps what a cluster decides by itself, and tells of all that was changed.
func (c *ClusterComputeResource) configured(
	config *types.ClusterConfigInfoEx, spec *types.ClusterConfigSpecEx,
) types.BaseMethodFault {
	if spec.DrsConfig != nil {
		config.DrsConfig = *spec.DrsConfig
	}
	if spec.DasConfig != nil {
		config.DasConfig = *spec.DasConfig
	}
	if spec.DpmConfig != nil {
		config.DpmConfigInfo = spec.DpmConfig
	}
	own := *config
	Map.Update(c, []types.PropertyChange{{Name: "configurationEx", Val: &own}})
	return nil
}

var _ mo.Reference = (*Task)(nil)
