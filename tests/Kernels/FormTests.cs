namespace DistSgd.Kernels.Tests;

/// <summary>A fact about one form; on a machine without it the test is skipped with the reason, and counted as skipped.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class FormFactAttribute : FactAttribute
{
    public FormFactAttribute(KernelForm form)
    {
        if (!KernelForms.IsSupported(form)) Skip = $"This machine cannot run the {form} form: NO test of this project has tried it here.";
    }
}

/// <summary>The tests of the kernels loop over <see cref="Samples.Forms"/>; these say which forms that were.</summary>
public sealed class FormTests
{
    [FormFact(KernelForm.Avx512)]
    public void Avx512Form_OnThisMachine_IsTested() => Assert.Contains(KernelForm.Avx512, Samples.Forms());

    [FormFact(KernelForm.Avx2)]
    public void Avx2Form_OnThisMachine_IsTested() => Assert.Contains(KernelForm.Avx2, Samples.Forms());

    [Fact]
    public void PortableForm_Everywhere_IsTested() => Assert.Contains(KernelForm.Portable, Samples.Forms());

    [Fact]
    public void BestForm_Always_IsTheLastSupportedOne() => Assert.Equal(KernelForms.Best, Samples.Forms().Max());
}
