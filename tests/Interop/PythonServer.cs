using System.Diagnostics;
using DistSgd.TestKit;
using Grpc.Core;
using Grpc.Net.Client;

namespace DistSgd.Interop.Tests;

/// <summary>python/server.py in a process of its own, shared by the tests of a class; it ends when its standard input closes, so never later than this process.</summary>
public sealed class PythonServer : IAsyncLifetime
{
    /// <summary>The server's receive limit, bytes.</summary>
    public const int MessageBytesMax = 33 << 20;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private Process? _python;
    private GrpcChannel? _channel;

    internal CallInvoker Invoker => _channel?.CreateCallInvoker() ?? throw new InvalidOperationException(Need.WhyMissing(Python.Grpc));

    /// <inheritdoc/>
    public async Task InitializeAsync()
    {
        if (Need.WhyMissing(Python.Grpc) is not null)
            return; // The tests are skipped; where everything is required, using the invoker fails with the reason.
        _python = Python.Start("server.py", MessageBytesMax.ToString());
        var line = await _python.StandardOutput.ReadLineAsync().WaitAsync(Patience);
        if (!int.TryParse(line, out var port))
            throw new InvalidOperationException($"server.py printed '{line}' instead of its port: {await _python.StandardError.ReadToEndAsync()}");
        _ = _python.StandardError.ReadToEndAsync();
        _channel = GrpcChannel.ForAddress($"http://127.0.0.1:{port}", new GrpcChannelOptions { MaxReceiveMessageSize = null });
    }

    /// <inheritdoc/>
    public async Task DisposeAsync()
    {
        _channel?.Dispose();
        if (_python is null)
            return;
        _python.StandardInput.Close();
        await _python.WaitForExitAsync().WaitAsync(Patience);
        _python.Dispose();
    }
}
