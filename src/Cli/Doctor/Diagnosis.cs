using System.Text.Json.Serialization;

namespace DistSgd.Cli.Doctor;

/// <summary>What was found at one address.</summary>
/// <param name="Address">As it was given.</param>
/// <param name="Verdict">healthy, or what is wrong: address, host, port, silent, tls, certificate, protocol, service, version, clock.</param>
/// <param name="Sentence">The same for a person, with what to do.</param>
internal sealed record Diagnosis(string Address, string Verdict, string Sentence)
{
    /// <summary>Nothing is wrong.</summary>
    public const string Healthy = "healthy";

    /// <summary>True for what can't get better by waiting, as a server that is only being started does.</summary>
    [JsonIgnore]
    public bool Lasts { get; init; }

    /// <summary>What the server says of itself; null where no server of ours answered.</summary>
    public ServerSight? Server { get; init; }
}

/// <summary>A server of ours, as it was seen.</summary>
/// <param name="Version">Of the program.</param>
/// <param name="Contract">Revision of the contract that it speaks.</param>
/// <param name="UptimeSeconds">Since it started.</param>
/// <param name="Jobs">Names of the jobs it holds shards of.</param>
/// <param name="RoundTripMs">The shortest of a few calls.</param>
/// <param name="ClockMs">The server's clock less this machine's; as exact as half a round trip.</param>
internal sealed record ServerSight(string Version, uint Contract, double UptimeSeconds, string[] Jobs, double RoundTripMs, double ClockMs);

/// <summary>The problem that ends an examination.</summary>
/// <param name="verdict">Of <see cref="Diagnosis.Verdict"/>.</param>
/// <param name="sentence">What was found and what to do.</param>
internal sealed class DiagnosedException(string verdict, string sentence) : Exception(sentence)
{
    public string Verdict => verdict;

    public bool Lasts { get; init; }

    public ServerSight? Server { get; init; }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(Diagnosis))]
internal sealed partial class DiagnosisJson : JsonSerializerContext;
