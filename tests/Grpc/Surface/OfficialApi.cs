namespace DistSgd.Grpc.Tests.Surface;

/// <summary>The list in official-api.txt: which signatures of the official packages are offered, which are left out and why, and what is ours alone.</summary>
internal sealed class OfficialApi
{
    private OfficialApi()
    {
    }

    /// <summary>In the official packages and here.</summary>
    public SortedSet<string> Offered { get; } = new(StringComparer.Ordinal);

    /// <summary>In the official packages only, with the reason.</summary>
    public SortedDictionary<string, string> LeftOut { get; } = new(StringComparer.Ordinal);

    /// <summary>Here only, with the reason.</summary>
    public SortedDictionary<string, string> Own { get; } = new(StringComparer.Ordinal);

    public static OfficialApi Read() => Parse(File.ReadAllLines(Path.Combine(AppContext.BaseDirectory, "Surface", "official-api.txt")));

    /// <summary>Each line is "= signature", "- signature | reason", "+ signature | reason", "# remark" or empty.</summary>
    public static OfficialApi Parse(IEnumerable<string> lines)
    {
        var api = new OfficialApi();
        foreach (var line in lines.Where(line => line.Length > 0 && line[0] != '#'))
        {
            var parts = line[2..].Split(" | ");
            switch (line[..2], parts.Length)
            {
                case ("= ", 1):
                    api.Offered.Add(parts[0]);
                    break;
                case ("- ", 2):
                    api.LeftOut.Add(parts[0], parts[1]);
                    break;
                case ("+ ", 2):
                    api.Own.Add(parts[0], parts[1]);
                    break;
                default:
                    throw new FormatException($"official-api.txt has a line of no known form: {line}");
            }
        }
        return api;
    }

    /// <summary>What doesn't agree between this list and a surface.</summary>
    public IEnumerable<string> Compare(SortedSet<string> surface)
    {
        foreach (var signature in Offered.Except(surface))
            yield return $"lost: {signature}";
        foreach (var signature in Own.Keys.Except(surface))
            yield return $"listed as ours, but not there: {signature}";
        foreach (var signature in LeftOut.Keys.Where(signature => IsThere(signature, surface)))
            yield return $"listed as left out, but there: {signature}";
        foreach (var signature in surface.Except(Offered).Except(Own.Keys).Except(LeftOut.Keys))
            yield return $"not listed: {signature}";
    }

    private static bool IsThere(string signature, SortedSet<string> surface) => signature.StartsWith("namespace ", StringComparison.Ordinal)
        ? surface.Any(line => line.Contains($"{signature["namespace ".Length..]}.", StringComparison.Ordinal))
        : surface.Contains(signature);
}
