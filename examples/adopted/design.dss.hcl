instance "design" {
  data_dir  = "/data/dataiku/design"
  node_type = "design"
  port      = 11200

  release {
    version = "14.4.1"
  }

  runtime_database "postgresql" {
    host         = "pg.internal"
    port         = 5432
    database     = "dss"
    schema       = "dss_runtime"
    table_prefix = "design_"
    # The password is unmanaged: DSS keeps the one it has. To manage it, add
    # password = var.NAME, of a variable with sensitive = true.
    user = "dss"
  }
}
