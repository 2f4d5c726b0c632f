namespace DistSgd.Repo.Tests;

/// <summary>Unsafe code lives in one project.</summary>
public sealed class UnsafeCodeTests
{
    private static readonly string[] MayBeUnsafe = ["src/Kernels", "bench", "tests/Kernels"];

    [Fact]
    public void UnsafeCode_LivesInKernelsOnly() =>
        new Rule(@"\bunsafe\b|\bUnsafe\.|\bstackalloc\b.*\*|\bMarshal\.(Alloc|Copy|Read|Write|Ptr)|\bNativeMemory\.|\bDllImport\b|\bLibraryImport\b|\bfixed\s*\(|\bMemoryMarshal\.(GetReference|GetArrayDataReference|CreateSpan|CreateReadOnlySpan|Read|Write|AsRef)\b",
            "a kernel or a NativeBuffer of src/Kernels")
        { Except = MayBeUnsafe }
            .Holds("ref var x = ref Unsafe.Add(ref y, 1);", Checkout.Sources());

    [Fact]
    public void UnsafeBlocks_AreAllowedInKernelsOnly()
    {
        var rule = new Rule("<AllowUnsafeBlocks>true", "a kernel of src/Kernels") { Except = MayBeUnsafe, InText = true };
        rule.Holds("<AllowUnsafeBlocks>true</AllowUnsafeBlocks>", Checkout.WithExtension(".csproj", ".props", ".targets"));
    }
}
