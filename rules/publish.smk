rule publish:
    """Write a Zarr store of every product."""
    input:
        [f"results/publish/{product}.zarr" for product in RUN.products],


rule publish_store:
    """Join all years of a product in one Zarr store."""
    input:
        years=lambda w: product_files(w.product),
    output:
        directory("results/publish/{product}.zarr"),
    log:
        "logs/publish/{product}.log",
    benchmark:
        "logs/publish/{product}.tsv"
    threads: 1
    resources:
        mem_mb=growing(500, per_tile=150),
        runtime=growing(30, per_tile=5),
    params:
        settings=settings_of("publish"),
        code=code_of("publish"),
    shell:
        "glab publish --years {input.years:q} --output {output:q} --settings {params.settings:q} &> {log:q}"
