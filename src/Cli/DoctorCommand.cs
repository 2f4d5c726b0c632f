using System.CommandLine;
using System.Text.Json;
using DistSgd.Cli.Doctor;
using DistSgd.Shared.CommandLine;

namespace DistSgd.Cli;

/// <summary>The command <c>doctor</c>.</summary>
internal static class DoctorCommand
{
    private const int AddressesMax = 64;

    public static Command Build()
    {
        var addresses = new Argument<string[]>("HOST:PORT") { Description = "The servers' addresses, at most 64; https://HOST:PORT where TLS is expected.", Arity = new ArgumentArity(1, AddressesMax) };
        Option<bool> json = Arguments.Flag("--json", "Print one JSON object an address.");
        var command = new Command("doctor", "Examine servers' addresses: what is wrong with each, in one sentence, within 5 seconds; exit code 1 if anything is.") { addresses, json };
        command.SetAction((parsed, cancellationToken) =>
            RunAsync(parsed.GetValue(addresses)!, new ServerDoctor(TimeProvider.System), parsed.GetValue(json), parsed.InvocationConfiguration.Output, cancellationToken));
        return command;
    }

    private static async Task<int> RunAsync(string[] addresses, ServerDoctor doctor, bool json, TextWriter output, CancellationToken cancellationToken)
    {
        Diagnosis[] found = await Task.WhenAll(addresses.Select(address => doctor.ExamineAsync(address, cancellationToken)));
        foreach (Diagnosis one in found)
            await output.WriteLineAsync(json ? JsonSerializer.Serialize(one, DiagnosisJson.Default.Diagnosis) : one.Sentence);
        return found.All(one => one.Verdict == Diagnosis.Healthy) ? 0 : CommandRunner.ExitCodeFailure;
    }
}
