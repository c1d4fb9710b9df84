#!/usr/bin/env python3
"""Holds our reading of RNGD cards against FuriosaAI's own SMI libraries, field by field, on one fabricated tree.

    cmake --build build --target ondol ondol_rngd_tree
    sudo python3 tests/oracle/compare_furiosa_smi.py [--build build] [--venvs FOLDER] [--verbose]

By hand, as root, on Linux: the libraries know only /sys and /dev, so the tree is mounted over them in a namespace of its own. They are fetched from PyPI
into virtual environments below FOLDER (default: a temporary one); nothing in the project depends on them. Exits with 1 if a field differs.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
PACKAGES = {"furiosa_smi_py": "furiosa-smi-py==2026.1.2", "furiosa_smi": "furiosa-smi==2026.4.0"}
# What changes something, needs arguments, or depends on the moment.
NOT_ASKED = {"set_governor_profile", "set_power_limit", "duration_since", "utilization_since", "device_to_device_link_type", "p2p_accessible",
             "timestamp"}
THROTTLE = {"idle": "idle", "thermal": "thermalslowdown", "application power cap": "apppowercap", "application clock cap": "appclockcap",
            "hardware clock cap": "hwclockcap", "hardware bus limit": "hwbuslimit", "hardware power cap": "hwpowercap"}


def plain(value, depth=0):
    """A library's object as JSON: its fields, and its functions without arguments, called."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (list, tuple)):
        return [plain(item, depth + 1) for item in value]
    if isinstance(value, dict):
        return {str(key): plain(item, depth + 1) for key, item in value.items()}
    fields = {}
    for name in dir(value):
        if name.startswith("_") or name in NOT_ASKED or depth > 6:
            continue
        try:
            member = getattr(value, name)
            member = member() if callable(member) else member
        except Exception as error:  # what a library cannot tell is told as such
            fields[name] = f"{type(error).__name__}: {error}"
            continue
        if type(member) is type(value):  # a member of an enumeration
            return str(value)
        fields[name] = plain(member, depth + 1)
    return fields or str(value)


def probe(module_name):
    module = __import__(module_name)
    if hasattr(module, "init"):
        module.init()
    devices = module.list_devices()
    answer = [plain(device) for device in devices]
    for device, fields in zip(devices, answer):
        fields["p2p"] = [bool(device.p2p_accessible(other)) for other in devices]
    print(json.dumps({"driver": plain(module.driver_info()), "devices": answer}))


def in_tree(tree, command):
    script = f"mount --make-rprivate / && mount --rbind '{tree}/sys' /sys && mount --bind '{tree}/dev/rngd' /dev/rngd && exec \"$@\""
    nodes = pathlib.Path("/dev/rngd")
    made = not nodes.exists()
    nodes.mkdir(exist_ok=True)
    done = subprocess.run(["unshare", "-m", "sh", "-c", script, "sh", *map(str, command)], capture_output=True, text=True)
    if made:
        nodes.rmdir()
    if done.returncode != 0:
        sys.exit(f"{command[0]} failed in the tree: {done.stderr[-2000:]}")
    return json.loads(done.stdout)


def version(fields):
    text = f"{fields['major']}.{fields['minor']}.{fields['patch']}"
    return text + (f"-{fields['prerelease']}" if fields["prerelease"] else "") + (f"+{fields['metadata']}" if fields["metadata"] else "")


def link_of(fields):
    link, device, sriov = (fields["pcie_info"][name] for name in ("link_info", "device_info", "sriov_info"))
    return {"link width": link["link_width_status"], "link speed": link["link_speed_status"], "max link width": link["max_link_width_capability"],
            "max link speed": link["max_link_speed_capability"], "pci class": f"0x{device['class_id']:02x}{device['sub_class_id']:02x}00",
            "pci revision": f"0x{device['revision_id']:02x}", "subsystem": f"0x{device['subsystem_id']:04x}",
            "sriov": [sriov["sriov_total_vfs"], sriov["sriov_enabled_vfs"]]}


def of_both(fields):
    temperature = fields["device_temperature"]
    return {"peak C": round(temperature["soc_peak"], 3), "ambient C": round(temperature["ambient"], 3),
            "power W": round(fields["power_consumption"], 3), "governor": fields["governor_profile"].lower(), "alive": fields["liveness"],
            "files": sorted([file["path"], file["cores"]] for file in fields["device_files"]), "p2p": fields["p2p"], **link_of(fields)}


def from_2026_4(answer, fields, occupied):
    bdf = fields["bdf"]
    pes = range(fields["core_num"])
    memory = {pe: fields["memory_usage"][f"{fields['device_name']}pe{pe}"] for pe in occupied}
    return {**of_both(fields), "name": fields["device_name"], "uuid": fields["uuid"], "serial": fields["serial"], "cores": fields["core_num"],
            "numa": fields["numa_node"], "bdf": f"{bdf['domain']:04x}:{bdf['bus']:02x}:{bdf['device']:02x}.{bdf['function']}",
            "dev": f"{fields['major']}:{fields['minor']}", "product": fields["product_name"], "driver": version(answer["driver"]),
            "firmware": version(fields["firmware_version"]), "power limit W": fields["power_limit"] / 1000,
            "clocks": [fields["core_frequency"][str(pe)] for pe in pes], "tensor clocks": [fields["tcp_frequency"][str(pe)] for pe in pes],
            "occupied": [fields["core_status"][str(pe)] == "Occupied" for pe in pes],
            "throttle": sorted(reason.replace(" ", "").lower() for reason in fields["throttle_reason"]),
            "memory": [[memory[pe]["in_use_bytes"], memory[pe]["total_bytes"]] for pe in occupied],
            "counters": [[fields["performance_counter"][str(pe)][key] for key in ("cycle_count", "task_execution_cycle")] for pe in occupied]}


def from_2026_1(answer, fields, occupied):
    info = fields["device_info"]
    counters = fields["device_performance_counter"]["pe_performance_counters"]
    names = list(THROTTLE.values())
    return {**of_both(fields), "name": info["name"], "uuid": info["uuid"], "serial": info["serial"], "cores": info["core_num"],
            "numa": info["numa_node"], "bdf": info["bdf"], "dev": f"{info['major']}:{info['minor']}", "driver": version(answer["driver"]),
            "firmware": version(info["firmware_version"]), "clocks": [pe["frequency"] for pe in fields["core_frequency"]["pe_frequency"]],
            "occupied": [pe["status"] == "occupied" for pe in fields["core_status"]["pe_status"]],
            "throttle": sorted(name for bit, name in enumerate(names) if fields["throttle_reason"] >> bit & 1),
            "memory total": [block["total_bytes"] for block in fields["memory_utilization"]["dram"]["memory"]],
            "counters": [[counters[pe][key] for key in ("cycle_count", "task_execution_cycle")] for pe in occupied]}


def from_ours(device, devices, tree):
    cores, pcie, details = device["cores"], device["pcie"], device["details"]
    occupied = [core for core in cores if core["occupied"]]
    files = sorted([part["path"].removeprefix(str(tree)), list(range(part["first_core"], part["last_core"] + 1))] for part in device["parts"])
    return {"name": device["name"], "uuid": device["uuid"], "serial": device["serial"], "bdf": device["bdf"], "product": device["product"],
            "cores": len(cores), "numa": device["numa_node"], "dev": details["dev"], "driver": device["driver_version"],
            "firmware": device["firmware_version"], "peak C": round(device["temperatures_c"]["peak"], 3),
            "ambient C": round(device["temperatures_c"]["ambient"], 3), "power W": round(device["power_w"], 3),
            "power limit W": device["power_limit_w"], "governor": device["governor"], "alive": details["alive"] == "1", "files": files,
            "p2p": [details["p2p_nodes"] == other["details"]["p2p_nodes"] == "yes" for other in devices],
            "clocks": [core["clock_mhz"] for core in cores], "tensor clocks": [core["tensor_clock_mhz"] for core in cores],
            "occupied": [core["occupied"] for core in cores], "throttle": sorted(THROTTLE.get(name, name) for name in device["throttle_reasons"]),
            "memory": [[core["memory_used_bytes"], core["memory_total_bytes"]] for core in occupied],
            "memory total": [core["memory_total_bytes"] for core in cores], "counters": [[core["cycles"], core["task_cycles"]] for core in occupied],
            "link width": pcie["width"], "link speed": pcie["speed_gts"], "max link width": pcie["max_width"],
            "max link speed": pcie["max_speed_gts"], "pci class": details["pci_class"], "pci revision": details["pci_revision"],
            "subsystem": details["pci_subsystem_device"], "sriov": [device["sriov_total_vfs"], device["sriov_enabled_vfs"]]}


def compare(title, theirs, ours, verbose):
    """Counts the fields that both have; prints those that differ."""
    fields = sorted(set(theirs) & set(ours))
    different = [name for name in fields if theirs[name] != ours[name]]
    for name in fields if verbose else different:
        print(f"  {title} {name}: {'DIFFERENT' if name in different else 'same'}: theirs {theirs[name]}, ours {ours[name]}")
    print(f"{title}: {len(fields) - len(different)} of {len(fields)} fields the same ({', '.join(fields)})")
    return len(different)


def python_with(package, folder):
    python = folder / package.replace("==", "-") / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", python.parents[1]], check=True)
        subprocess.run([python, "-m", "pip", "install", "-q", "--no-deps", package], check=True)
    return python


def check_library(ondol, tree, venvs):
    """Our dlopen of the C library: without `alive`, its liveness is told among the details."""
    library = next((venvs / PACKAGES["furiosa_smi_py"].replace("==", "-")).rglob("libfuriosa_smi-*.so"))
    folder = tree.parent / "lib"
    folder.mkdir()
    (folder / "libfuriosa_smi.so").symlink_to(library)
    for alive in tree.glob("sys/devices/*/*/*/rngd_mgmt/*mgmt/alive"):
        alive.unlink()
    answer = in_tree(tree, ["env", f"LD_LIBRARY_PATH={folder}", ondol, "device", "list", "--json"])
    told = [device["details"].get("furiosa_smi_alive") for device in answer["devices"] if device["kind"] == "rngd"]
    print(f"through dlopen: sources {answer['sources'][0]!r}, liveness {told}")
    return 0 if told == ["1", "1", "0"] and "libfuriosa_smi.so" in answer["sources"][0] else 1


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build")
    parser.add_argument("--venvs", type=pathlib.Path)
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("--probe", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.probe:
        return probe(options.probe)
    with tempfile.TemporaryDirectory() as folder:
        venvs, tree, ondol = options.venvs or pathlib.Path(folder) / "venvs", pathlib.Path(folder) / "tree", options.build.resolve() / "ondol"
        subprocess.run([options.build.resolve() / "ondol_rngd_tree", tree], check=True)
        ours = json.loads(subprocess.run([ondol, "device", "list", "--json", "--sysroot", tree], check=True, capture_output=True, text=True).stdout)
        ours = [device for device in ours["devices"] if device["kind"] == "rngd"]
        different = 0
        for module, package in PACKAGES.items():
            answer = in_tree(tree, [python_with(package, venvs), __file__, "--probe", module])
            theirs = from_2026_4 if module == "furiosa_smi" else from_2026_1
            if len(answer["devices"]) != len(ours):
                print(f"{package}: {len(answer['devices'])} cards, ours {len(ours)}")
                different += 1
            for fields in answer["devices"]:
                uuid = fields.get("uuid") or fields["device_info"]["uuid"]
                mine = next(device for device in ours if device["uuid"] == uuid)
                occupied = [core["index"] for core in mine["cores"] if core["occupied"]]
                different += compare(f"{package} {mine['name']}", theirs(answer, fields, occupied), from_ours(mine, ours, tree), options.verbose)
        different += check_library(ondol, tree, venvs)
    print("no difference" if different == 0 else f"{different} differences")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
