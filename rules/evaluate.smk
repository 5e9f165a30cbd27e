rule evaluate:
    """Skill of the products against the truth."""
    input:
        products=[path for product in RUN.products for path in product_files(product)],
        domain="results/domain.nc",
        truth="data/truth.nc" if RUN.archive == "simulate" else [],
    output:
        "results/evaluate/skill.csv",
    log:
        "logs/evaluate/skill.log",
    benchmark:
        "logs/evaluate/skill.tsv"
    threads: 1
    resources:
        mem_mb=growing(3000),
        runtime=growing(120),
    params:
        truth=given("truth"),
        settings=settings_of("evaluate"),
        code=code_of("evaluate"),
    shell:
        "glab evaluate --products {input.products} {params.truth} --domain {input.domain}"
        " --output {output} --settings {params.settings:q} &> {log}"
