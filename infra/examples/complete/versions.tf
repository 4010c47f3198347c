terraform {
  # 1.11 is the first release with write-only arguments, which keep the webhook secret out of the
  # state.
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 6.37, < 7.0"
    }
  }

  # Configure the backend of your team, such as: backend "s3" {}
}

provider "aws" {
  region = var.region

  default_tags {
    tags = { Project = var.name, ManagedBy = "terraform" }
  }
}
