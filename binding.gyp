# For those who build with node-gyp: the same build as npm's "install" script, by cmake-js.
{
  "targets": [
    {
      "target_name": "tsrun",
      "type": "none",
      "actions": [
        {
          "action_name": "build",
          "inputs": ["addon/CMakeLists.txt"],
          "outputs": ["<(module_root_dir)/dist/tsrun.node"],
          "action": ["node", "scripts/build.mjs", "native"]
        }
      ]
    }
  ]
}
