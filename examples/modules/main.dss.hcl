# Automation nodes of one making: what they have in common stands in the module
# ./node, and here stands how they differ.

variable "nodes" {
  type = map(object({
    data_dir = string
    port     = number
    heap     = optional(string, "4g")
  }))
  default = {
    auto1 = { data_dir = "/data/dataiku/auto1", port = 11300 }
    auto2 = { data_dir = "/data/dataiku/auto2", port = 11400, heap = "8g" }
  }
}

module "auto" {
  source   = "./node"
  for_each = var.nodes

  data_dir = each.value.data_dir
  port     = each.value.port
  heap     = each.value.heap
}

output "urls" {
  value = { for name, node in module.auto : name => node.url }
}
