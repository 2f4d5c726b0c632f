namespace DistSgd.Shared.Wire;

/// <summary>The revision of <c>distsgd.v1</c> that this build speaks.</summary>
public static class ContractRevision
{
    /// <summary>It rises when a client of the revision before could be misled; fields alone are added without.</summary>
    public const uint Current = 1;
}
