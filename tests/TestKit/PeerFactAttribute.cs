using Xunit;

namespace DistSgd.TestKit;

/// <summary>A fact that needs things outside the repository (see <see cref="Need"/>); skipped with the reason, and counted, where one is missing.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class PeerFactAttribute : FactAttribute
{
    /// <summary>A fact with these needs.</summary>
    public PeerFactAttribute(params string[] needs) => Skip = Skipping.Reason(needs);
}

/// <summary>A theory that needs things outside the repository; skipped with the reason, and counted, where one is missing.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class PeerTheoryAttribute : TheoryAttribute
{
    /// <summary>A theory with these needs.</summary>
    public PeerTheoryAttribute(params string[] needs) => Skip = Skipping.Reason(needs);
}

/// <summary>Decides whether a test is skipped.</summary>
internal static class Skipping
{
    public static string? Reason(string[] needs) =>
        Need.IsEverythingRequired ? null : needs.Select(Need.WhyMissing).FirstOrDefault(reason => reason is not null);
}
