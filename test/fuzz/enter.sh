#!/bin/sh
# Builds the fuzzer's sandbox around itself, in three stages, and becomes its pid 1.
#
# A config that the fuzzer made may ask for anything, and root may do nearly anything. So, inside:
#   cgroups      the namespace's root is a cgroup of the run's own; no path leads above it
#   files        a tmpfs with copies: no mount, not even a read-only one, leads to a file of the host
#   pids, ipc, network, host name: namespaces of its own
#   devices      block devices, the machine's memory and watchdogs are closed by the cgroup (sandbox.ts)
#   capabilities without those that reach the machine itself
# What is left - sysctls and file systems that the kernel has once - is guard.ts's business.
#
# SANDBOX: an empty folder; CGROUPS: the run's cgroup in each hierarchy; FILES: what to copy, "source:target" a line.
set -eu

enter_cgroups() {
  for directory in $CGROUPS; do echo $$ >"$directory/cgroup.procs"; done
  exec unshare --cgroup -- sh "$0" separate "$@"
}

# Of its own below the root, because a v2 cgroup that holds processes passes no controllers on.
separate() {
  for directory in $CGROUPS; do
    mkdir -p "$directory/driver"
    for file in cpuset.cpus cpuset.mems; do
      [ ! -e "$directory/$file" ] || cat "$directory/$file" >"$directory/driver/$file" 2>/dev/null || true
    done
    echo $$ >"$directory/driver/cgroup.procs"
  done
  # Mode bits of what is created below must be those that are asked for.
  umask 022
  exec setpriv --pdeathsig KILL \
    --bounding-set=-sys_boot,-sys_module,-sys_rawio,-sys_time,-syslog,-wake_alarm,-audit_control,-linux_immutable,-mac_admin,-mac_override \
    unshare --mount --net --ipc --uts --pid --fork --kill-child --propagation private -- sh "$0" build "$@"
}

build() {
  mount -t tmpfs -o size=1g,mode=755 fuzz "$SANDBOX"
  cd "$SANDBOX"
  mkdir -p bin dev etc fuzz hooks lib lib64 old opt/tsrun proc run/ns src/dir/inner src/private sys tmp var work
  chmod 1777 tmp
  echo "$FILES" | while IFS=: read -r source target; do
    mkdir -p "$(dirname ".$target")"
    cp -rL "$source" ".$target"
  done
  sources
  mount -t proc proc proc
  # For unshare, which is the host's: its /proc knows other pids.
  mount --bind proc /proc
  mount -t sysfs -o ro sysfs sys
  devices
  cgroups
  namespaces
  pivot_root . old
  exec /fuzz/busybox sh -c '
    cd /; /fuzz/busybox umount -l /old; /fuzz/busybox rmdir /old
    # The shell stays, as the pid 1 that waits for whoever is orphaned.
    "$@" </dev/null & wait $!' sh "$@"
}

# What configs are given as paths: files of each kind, with links that lead nowhere, around, and out.
sources() {
  echo file >src/file
  echo file >src/dir/file
  : >src/empty
  mkfifo src/fifo
  ln -s dir src/link
  ln -s loop src/loop
  ln -s /none src/dangling
  mount -t tmpfs -o nosuid,nodev,noexec,ro,size=4k locked src/private
  for program in true false sleep cat touch; do
    cp fuzz/busybox "hooks/$program"
  done
  printf '#!/hooks/true\n' >hooks/script
  printf '#!/none\n' >hooks/lost
  printf 'no program\n' >hooks/text
  chmod 755 hooks/script hooks/lost
  # Who is given a path of this sandbox without a user namespace shall find a passwd, as on any host.
  echo 'root:x:0:0:root:/root:/bin/sh' >etc/passwd
}

devices() {
  mount -t tmpfs -o mode=755,size=1m dev dev
  mknod -m 666 dev/null c 1 3
  mknod -m 666 dev/zero c 1 5
  mknod -m 666 dev/full c 1 7
  mknod -m 666 dev/random c 1 8
  mknod -m 666 dev/urandom c 1 9
  mknod -m 666 dev/tty c 5 0
  mknod -m 666 dev/fuse c 10 229 || true
  mkdir dev/pts dev/shm dev/mqueue
  mount -t devpts -o newinstance,ptmxmode=666 devpts dev/pts
  ln -s pts/ptmx dev/ptmx
  ln -s /proc/self/fd dev/fd
  mount -t tmpfs -o mode=1777,size=16m shm dev/shm
}

# As the host has them, seen from the namespace's root.
cgroups() {
  set -- $CGROUPS
  if [ $# = 1 ] && [ -e "$1/cgroup.controllers" ]; then
    mount -t cgroup2 cgroup sys/fs/cgroup
    return
  fi
  mount -t tmpfs -o mode=755,size=1m cgroup sys/fs/cgroup
  while IFS=: read -r _ list own; do
    # Where this is no cgroup of the run's own, the hierarchy would be the host's.
    [ "$own" = /driver ] || continue
    case $list in
    "") name=unified type=cgroup2 options=rw ;;
    name=*) name=${list#name=} type=cgroup options=none,$list ;;
    *) name=$list type=cgroup options=$list ;;
    esac
    mkdir "sys/fs/cgroup/$name"
    mount -t "$type" -o "$options" cgroup "sys/fs/cgroup/$name" 2>/dev/null || rmdir "sys/fs/cgroup/$name"
  done <proc/self/cgroup
}

# To be joined by path; and interfaces to be taken.
namespaces() {
  for type in net ipc uts mnt user cgroup time; do : >"run/ns/$type"; done
  for type in net ipc uts cgroup; do unshare "--$type=run/ns/$type" true || true; done
  # unshare cannot mount this one.
  unshare --user --map-root-user sh -c 'echo $$; exec sleep 60' >run/pid &
  until [ -s run/pid ]; do sleep 0.01; done
  mount --bind "proc/$(cat run/pid)/ns/user" run/ns/user
  kill $!
  rm run/pid
  unshare --time=run/ns/time true 2>/dev/null || true
  if command -v ip >/dev/null; then
    ip link set lo up
    for number in 0 1 2 3; do ip link add "fuzz$number" type dummy 2>/dev/null || true; done
  fi
}

stage=$1
shift
case $stage in
cgroups) enter_cgroups "$@" ;;
separate) separate "$@" ;;
build) build "$@" ;;
esac
