using System.Text;
using Grpc.Core;

namespace DistSgd.Interop.Tests;

/// <summary>Which case is run between whom: the inventory that docs/testing.md shows.</summary>
internal static class CaseMatrix
{
    public const string OursToOurs = "ours → ours", OursToPython = "ours → Python", OursToNode = "ours → Node", PythonToOurs = "Python → ours", NodeToOurs = "Node → ours";

    private const string Run = "yes", Reduced = "in part", LeftOut = "no";

    // A server that isn't told takes what is compressed, and counts the bytes; but it can't refuse what isn't.
    private const string ServerIsNotTold = "the foreign library doesn't tell a service whether a request came compressed, so that the server can't refuse a plain one; what our client sends compressed has to be understood";
    private const string ClientIsNotTold = "the foreign library doesn't tell a client whether a response came compressed; our server says that it sent it so, and the client has to understand it";
    private const string NoReflectionClient = "the runtime serves reflection, and has no generic client";

    private static readonly string[] Pairs = [OursToOurs, OursToPython, OursToNode, PythonToOurs, NodeToOurs];

    private static readonly (string Case, string[] Pairs, string Mark, string Reason)[] Exceptions =
    [
        ("client_compressed_unary", [OursToPython, OursToNode], Reduced, ServerIsNotTold),
        ("client_compressed_streaming", [OursToPython, OursToNode], Reduced, ServerIsNotTold),
        ("server_compressed_unary", [PythonToOurs, NodeToOurs], Reduced, ClientIsNotTold),
        ("server_compressed_streaming", [PythonToOurs, NodeToOurs], Reduced, ClientIsNotTold),
        ("server_compressed_unary", [OursToNode], LeftOut, "@grpc/grpc-js has no compression of responses"),
        ("server_compressed_streaming", [OursToNode], LeftOut, "@grpc/grpc-js has no compression of responses"),
        ("reflection", [OursToOurs, OursToPython, OursToNode], LeftOut, NoReflectionClient),
    ];

    /// <summary>All cases, as our client runs them against a server; null for what only foreign clients do.</summary>
    private static readonly (string Name, Func<CallInvoker, bool, Task>? Run)[] All =
    [
        ("empty_unary", (invoker, _) => new Cases(invoker).EmptyUnary()),
        ("large_unary", (invoker, _) => new Cases(invoker).LargeUnary()),
        ("client_streaming", (invoker, _) => new Cases(invoker).ClientStreaming()),
        ("server_streaming", (invoker, _) => new Cases(invoker).ServerStreaming()),
        ("ping_pong", (invoker, _) => new Cases(invoker).PingPong()),
        ("empty_stream", (invoker, _) => new Cases(invoker).EmptyStream()),
        ("cancel_after_begin", (invoker, _) => new Cases(invoker).CancelAfterBegin()),
        ("cancel_after_first_response", (invoker, _) => new Cases(invoker).CancelAfterFirstResponse()),
        ("timeout_on_sleeping_server", (invoker, _) => new Cases(invoker).TimeoutOnSleepingServer()),
        ("status_code_and_message", (invoker, _) => new Cases(invoker).StatusCodeAndMessage()),
        ("special_status_message", (invoker, _) => new Cases(invoker).SpecialStatusMessage()),
        ("unimplemented_method", (invoker, _) => new Cases(invoker).UnimplementedMethod()),
        ("unimplemented_service", (invoker, _) => new Cases(invoker).UnimplementedService()),
        ("custom_metadata", (invoker, _) => new Cases(invoker).CustomMetadata()),
        ("client_compressed_unary", (invoker, serverTells) => new CompressionCases(invoker, serverTells).ClientCompressedUnary()),
        ("server_compressed_unary", (invoker, serverTells) => new CompressionCases(invoker, serverTells).ServerCompressedUnary()),
        ("client_compressed_streaming", (invoker, serverTells) => new CompressionCases(invoker, serverTells).ClientCompressedStreaming()),
        ("server_compressed_streaming", (invoker, serverTells) => new CompressionCases(invoker, serverTells).ServerCompressedStreaming()),
        ("binary_metadata", (invoker, _) => new FurtherCases(invoker).BinaryMetadata()),
        ("repeated_binary_metadata", (invoker, _) => new FurtherCases(invoker).RepeatedBinaryMetadata()),
        ("rich_error_details", (invoker, _) => new FurtherCases(invoker).RichErrorDetails()),
        ("health_check", (invoker, _) => new FurtherCases(invoker).HealthCheck()),
        ("reflection", null),
    ];

    /// <summary>The cases of a pair, for a theory.</summary>
    public static TheoryData<string> Of(string pair) => new(NamesOf(pair));

    /// <summary>The cases of a pair.</summary>
    public static string[] NamesOf(string pair) => [.. All.Select(one => one.Name).Where(name => MarkOf(name, pair) != LeftOut)];

    /// <summary>Runs a case on our client.</summary>
    public static Task RunAsync(string pair, string name, CallInvoker invoker) =>
        All.Single(one => one.Name == name).Run!(invoker, MarkOf(name, pair) == Run).WaitAsync(TimeSpan.FromSeconds(90));

    /// <summary>The matrix as docs/testing.md has it: a line for the cases that stand alike.</summary>
    public static string ToMarkdown()
    {
        string[] reasons = [.. Exceptions.Select(exception => exception.Reason).Distinct()];
        var text = new StringBuilder($"| case | {string.Join(" | ", Pairs)} |\n|---|{string.Concat(Pairs.Select(_ => "---|"))}\n");
        foreach (var alike in All.GroupBy(one => string.Join(" | ", Pairs.Select(pair => Cell(one.Name, pair)))))
            text.Append($"| {string.Join(", ", alike.Select(one => $"`{one.Name}`"))} | {alike.Key} |\n");
        text.Append('\n');
        for (var i = 0; i < reasons.Length; i++)
            text.Append($"{i + 1}. {char.ToUpperInvariant(reasons[i][0])}{reasons[i][1..]}.\n");
        return text.ToString();

        string Cell(string name, string pair) => Find(name, pair) is { } found ? $"{found.Mark} ({Array.IndexOf(reasons, found.Reason) + 1})" : Run;
    }

    private static string MarkOf(string name, string pair) => Find(name, pair)?.Mark ?? Run;

    private static (string Case, string[] Pairs, string Mark, string Reason)? Find(string name, string pair) =>
        Exceptions.Where(exception => exception.Case == name && exception.Pairs.Contains(pair)).Select(found => ((string, string[], string, string)?)found).FirstOrDefault();
}
