terraform {
  # 1.11 is the first release with write-only arguments.
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 6.37, < 7.0"
    }
    github = {
      source  = "integrations/github"
      version = "~> 6.0"
    }
  }

  # Configure the backend of your team, such as: backend "s3" {}
}

provider "aws" {
  region = var.region
}

# A token of an owner of the organisation, from GITHUB_TOKEN: admin:org_hook.
provider "github" {
  owner = var.organisation
}
