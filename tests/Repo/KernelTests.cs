namespace DistSgd.Repo.Tests;

/// <summary>No kernel is trusted because something above it works.</summary>
public sealed class KernelTests
{
    // They ask the operating system for something and compute nothing.
    private static readonly string[] NoKernels = ["DirectorySync", "HugePages"];

    [Fact]
    public void EveryPublicKernel_IsCalledByItsOwnTests()
    {
        string[] kernels = [.. Checkout.Sources("src/Kernels").SelectMany(file => Pattern.All(Checkout.Read(file), @"public static (?:unsafe )?class (?<it>\w+)")).Except(NoKernels)];
        Assert.Contains("DenseDot", kernels);
        string tests = string.Join('\n', Checkout.Sources("tests/Kernels").Select(file => CSharpText.CodeOnly(Checkout.Read(file))));
        string[] missing = [.. kernels.Where(kernel => !Pattern.IsIn(tests, $@"\b{kernel}\.\w+"))];
        Assert.True(missing.Length == 0, $"tests/Kernels never calls {string.Join(", ", missing)}: call every form of it there, for all lengths, against a scalar twin.");
        Assert.False(Pattern.IsIn(tests, @"\bNoSuchKernel\.\w+"));
    }
}
